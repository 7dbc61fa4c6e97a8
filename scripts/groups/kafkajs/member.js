// A member by KafkaJS. usage: member.js ADDR GROUP TOPIC NAME LOG
const fs = require('node:fs')
const { Kafka, logLevel } = require('kafkajs')

const [addr, groupId, topic, name, path] = process.argv.slice(2)
const file = fs.openSync(path, 'a')

const event = (kind, more = {}) => {
  const t = (performance.timeOrigin + performance.now()) / 1000
  fs.writeSync(file, JSON.stringify({ t, m: name, e: kind, ...more }) + '\n')
}

const kafka = new Kafka({ clientId: name, brokers: [addr], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 100, retries: 100 } })
const consumer = kafka.consumer({
  groupId,
  sessionTimeout: 6000,
  rebalanceTimeout: 15000,
  heartbeatInterval: 500,
  maxWaitTimeInMs: 100,
})

// KafkaJS tells its assignment after each join; it gives everything up before it joins again.
let owned = []
const revoke = () => {
  if (owned.length) event('revoke', { p: owned })
  owned = []
}
consumer.on(consumer.events.REBALANCING, revoke)
consumer.on(consumer.events.CRASH, revoke)
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  revoke()
  owned = payload.memberAssignment[topic] ?? []
  event('assign', { p: owned })
})

const handle = async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
  if (!isRunning() || isStale() || !owned.includes(batch.partition)) return
  const offsets = batch.messages.map(({ offset }) => Number(offset))
  let first = offsets[0]
  for (let i = 0; i < offsets.length; i++) {
    if (offsets[i + 1] !== offsets[i] + 1) {
      event('process', { p: batch.partition, from: first, to: offsets[i] })
      first = offsets[i + 1]
    }
  }
  const next = offsets[offsets.length - 1] + 1
  resolveOffset(String(next - 1))
  event('committing', { o: { [batch.partition]: next } })
  await consumer.commitOffsets([{ topic, partition: batch.partition, offset: String(next) }])
  event('committed', { o: { [batch.partition]: next } })
  await heartbeat()
}

const main = async () => {
  process.on('SIGTERM', async () => {
    await consumer.stop()
    revoke()
    await consumer.disconnect()
    event('end')
    process.exit(0)
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  event('start')
  await consumer.run({ autoCommit: false, eachBatch: handle })
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
