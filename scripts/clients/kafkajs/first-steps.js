// What a program does first, by KafkaJS's default calls; prints what came of each.
//
// usage: first-steps.js ADDR PREFIX
const assert = require('node:assert')
const { Kafka, logLevel } = require('kafkajs')

const [addr, prefix] = process.argv.slice(2)
const topic = `${prefix}-first`
const groupId = `${prefix}-first-group`
const RECORDS = 10

const did = (what) => console.log(`- ${what}`)

const main = async () => {
  did(`KafkaJS ${require('kafkajs/package.json').version}`)
  const kafka = new Kafka({ brokers: [addr], logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  const cluster = await admin.describeCluster()
  assert.strictEqual(cluster.brokers.length, 1)
  did(`described cluster ${cluster.clusterId}: controller ${cluster.controller}, ${cluster.brokers.length} broker`)

  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] })
  const topics = await admin.listTopics()
  assert(topics.includes(topic), 'the created topic is in the list')
  did(`created ${topic}, one of ${topics.length} topics listed`)

  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: Array.from({ length: RECORDS }, (_, i) => ({ key: `key ${i}`, value: `value ${i}` })) })
  await producer.disconnect()
  did(`produced ${RECORDS} records`)

  const consumer = kafka.consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topics: [new RegExp(`^${prefix}-fir.*`)], fromBeginning: true })
  const values = new Set()
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`consumed ${values.size} of ${RECORDS} records`)), 60_000)
    const eachMessage = async ({ message }) => {
      values.add(message.value.toString())
      if (values.size < RECORDS) return
      clearTimeout(timer)
      resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  did(`consumed ${values.size} records in ${groupId}, subscribed by pattern`)

  const { groups } = await admin.listGroups()
  assert(groups.some((group) => group.groupId === groupId), 'the group is in the list')
  const [described] = (await admin.describeGroups([groupId])).groups
  assert.strictEqual(described.state, 'Stable')
  assert.strictEqual(described.members.length, 1)
  did(`listed ${groups.length} groups and described ${groupId}: ${described.state}, ${described.members.length} member`)
  await consumer.disconnect()

  await admin.deleteTopics({ topics: [topic] })
  assert(!(await admin.listTopics()).includes(topic), 'the deleted topic is gone')
  did(`deleted ${topic}`)
  await admin.disconnect()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
