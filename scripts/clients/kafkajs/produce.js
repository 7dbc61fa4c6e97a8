// Produces records to topics of three partitions with KafkaJS.
//
// usage: produce.js ADDR PREFIX FILE
const fs = require('node:fs')
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')

const [addr, prefix, path] = process.argv.slice(2)
const kafka = new Kafka({ clientId: 'round-trip', brokers: [addr], logLevel: logLevel.ERROR })
const admin = kafka.admin()
const PARTITIONS = 3

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const ends = async (topic) => {
  const offsets = await admin.fetchTopicOffsets(topic)
  return offsets.reduce((sum, partition) => sum + Number(partition.high), 0)
}

const waitForEnd = async (topic, count) => {
  for (let tries = 0; (await ends(topic)) < count; tries++) {
    if (tries === 500) throw new Error(`${topic}: not all of ${count} records arrived`)
    await sleep(20)
  }
}

const produce = async (name, messages, { acks = -1, compression, ...settings } = {}) => {
  const topic = `${prefix}-${name}`
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }], waitForLeaders: true })
  // Records sent with acks=0 to a partition that is not up yet would be lost.
  await waitForEnd(topic, 0)
  const producer = kafka.producer({ maxInFlightRequests: 1, ...settings })
  await producer.connect()
  for (let i = 0; i < messages.length; i += 10_000) {
    await producer.send({ topic, acks, compression, messages: messages.slice(i, i + 10_000) })
  }
  await waitForEnd(topic, messages.length)
  await producer.disconnect()
}

const main = async () => {
  await admin.connect()
  const text = fs.readFileSync(path, 'utf8').replace(/\n$/, '').split('\n')
  const lines = text.map((value, i) => ({ value, partition: i % PARTITIONS }))
  const some = lines.slice(0, 1000)

  await produce('lines', lines, { idempotent: true })
  await produce('gzip', some, { compression: CompressionTypes.GZIP })
  for (const [name, acks] of [['acks-0', 0], ['acks-1', 1], ['acks-all', -1]]) await produce(name, some, { acks })
  await produce('shapes', [
    { partition: 0, key: 'key', value: 'value', headers: { a: ['1', '2'], empty: '' } },
    { partition: 0, key: 'key', value: null },
    { partition: 0, key: 'key', value: '' },
    { partition: 0, key: '', value: 'empty key' },
    { partition: 0, value: '0123456789'.repeat(90_000) },
  ])
  await admin.disconnect()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
