// What a program does first, by node-rdkafka's default calls; prints what came of each. It cannot list or describe groups.
//
// usage: first-steps.js ADDR PREFIX
const assert = require('node:assert')
const kafka = require('node-rdkafka')

const [addr, prefix] = process.argv.slice(2)
const topic = `${prefix}-first`
const groupId = `${prefix}-first-group`
const RECORDS = 10

const did = (what) => console.log(`- ${what}`)

// within WHAT, a promise: or the process ends.
const within = (what, promise, ms = 60_000) => {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms / 1000} s`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// call WHAT, a function that takes a callback.
const call = (what, start) =>
  within(what, new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result)))))

const topics = async (client) => (await call('metadata of all topics', (done) => client.getMetadata({ timeout: 10_000 }, done))).topics.map((t) => t.name)

const main = async () => {
  did(`node-rdkafka ${require('node-rdkafka/package.json').version}, librdkafka ${kafka.librdkafkaVersion}`)
  const admin = kafka.AdminClient.create({ 'bootstrap.servers': addr })
  await call('create a topic', (done) => admin.createTopic({ topic, num_partitions: 3, replication_factor: 1 }, done))

  const producer = new kafka.Producer({ 'bootstrap.servers': addr, dr_cb: true })
  // The client asks for the metadata of all topics before it says that it is connected.
  const metadata = await call('connect', (done) => producer.connect({}, done))
  assert.strictEqual(metadata.brokers.length, 1)
  did(`connected: broker ${metadata.orig_broker_name}`)
  const listed = await topics(producer)
  assert(listed.includes(topic), 'the created topic is in the list')
  did(`created ${topic}, one of ${listed.length} topics listed`)

  let delivered = 0
  producer.on('delivery-report', (error) => {
    assert.ifError(error)
    delivered++
  })
  producer.setPollInterval(50)
  for (let i = 0; i < RECORDS; i++) producer.produce(topic, null, Buffer.from(`value ${i}`), `key ${i}`)
  await call('flush', (done) => producer.flush(30_000, done))
  await within('delivery', (async () => {
    while (delivered < RECORDS) await new Promise((resolve) => setTimeout(resolve, 20))
  })())
  did(`produced ${delivered} records`)

  const consumer = new kafka.KafkaConsumer({ 'bootstrap.servers': addr, 'group.id': groupId }, { 'auto.offset.reset': 'earliest' })
  await call('connect the consumer', (done) => consumer.connect({}, done))
  const values = new Set()
  const all = new Promise((resolve, reject) => {
    consumer.on('event.error', reject)
    consumer.on('data', ({ value }) => {
      values.add(value.toString())
      if (values.size === RECORDS) resolve()
    })
  })
  consumer.subscribe([new RegExp(`^${prefix}-fir.*`)])
  consumer.consume()
  await within('consume', all)
  did(`consumed ${values.size} records in ${groupId}, subscribed by pattern`)
  await call('leave', (done) => consumer.disconnect(done))

  await call('delete the topic', (done) => admin.deleteTopic(topic, done))
  await within('the deleted topic gone', (async () => {
    while ((await topics(producer)).includes(topic)) await new Promise((resolve) => setTimeout(resolve, 100))
  })())
  did(`deleted ${topic}`)
  await call('disconnect', (done) => producer.disconnect(done))
  admin.disconnect()
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
