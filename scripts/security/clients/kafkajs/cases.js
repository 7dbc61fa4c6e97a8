// KafkaJS. usage: cases.js CASES PREFIX
const fs = require('node:fs')
const { Kafka, logLevel } = require('kafkajs')

const [casesPath, prefix] = process.argv.slice(2)
const RECORDS = 10

class Unsupported extends Error {}

const read = (path) => path && fs.readFileSync(path)

const connect = (one, retries) => {
  if (one.endpoint) throw new Unsupported('it asks no token endpoint')
  const ssl = one.ca && { ca: [read(one.ca)], cert: read(one.certificate), key: read(one.key) }
  const sasl = one.mechanism && {
    mechanism: one.mechanism.toLowerCase(),
    username: one.user,
    password: one.password,
    oauthBearerProvider: one.token && (async () => ({ value: one.token })),
  }
  return new Kafka({ brokers: [one.address], ssl, sasl, retry: { retries }, logLevel: logLevel.NOTHING })
}

const within = (ms, promise, what) => {
  let timer
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(what())), ms) })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

const work = async (one, topic) => {
  const kafka = connect(one, 5)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: Array.from({ length: RECORDS }, (_, i) => ({ value: `${i}` })) })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: topic })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const values = new Set()
  const all = new Promise((resolve, reject) => {
    const eachMessage = async ({ message }) => {
      values.add(message.value.toString())
      if (values.size === RECORDS) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  await within(20_000, all, () => `consumed ${values.size} records`)
  await consumer.disconnect()
}

const refuse = async (one) => {
  const admin = connect(one, 0).admin()
  try {
    await within(10_000, admin.connect().then(() => admin.listTopics()), () => 'no error within 10 s')
  } catch (error) {
    if (!error.name.startsWith('KafkaJS')) throw error
    return `${error.name}: ${error.message}`
  } finally {
    await admin.disconnect().catch(() => {})
  }
  throw new Error('it was not refused')
}

const main = async () => {
  const cases = JSON.parse(fs.readFileSync(casesPath))
  for (const [number, one] of cases.entries()) {
    const began = Date.now()
    let outcome, said = ''
    try {
      if (one.refused) said = await refuse(one)
      else await work(one, `${prefix}-${number}`)
      outcome = one.refused ? 'refused' : 'ok'
    } catch (error) {
      outcome = error instanceof Unsupported ? 'unsupported' : 'failed'
      said = error instanceof Unsupported ? error.message : `${error.name}: ${error.message}`
    }
    console.log(JSON.stringify({ case: one.name, outcome, seconds: (Date.now() - began) / 1000, said }))
  }
  process.exit(0)
}

main()
