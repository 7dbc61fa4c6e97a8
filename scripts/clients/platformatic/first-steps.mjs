// What a program does first, by the default calls of @platformatic/kafka; prints what came of each. It has no patterns.
//
// usage: first-steps.mjs ADDR PREFIX
import assert from 'node:assert'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { Admin, Consumer, MessagesStreamModes, Producer, stringDeserializers, stringSerializers } = await import(require.resolve('@platformatic/kafka'))

const [addr, prefix] = process.argv.slice(2)
const topic = `${prefix}-first`
const groupId = `${prefix}-first-group`
const RECORDS = 10

const did = (what) => console.log(`- ${what}`)
const connection = { clientId: 'first-steps', bootstrapBrokers: [addr] }

const admin = new Admin(connection)
const metadata = await admin.metadata({ topics: [] })
assert.strictEqual(metadata.brokers.size, 1)
did(`described cluster ${metadata.id}: controller ${metadata.controllerId}, ${metadata.brokers.size} broker`)

await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 })
const topics = await admin.listTopics()
assert(topics.includes(topic), 'the created topic is in the list')
did(`created ${topic}, one of ${topics.length} topics listed`)

const producer = new Producer({ ...connection, serializers: stringSerializers })
await producer.send({ messages: Array.from({ length: RECORDS }, (_, i) => ({ topic, key: `key ${i}`, value: `value ${i}` })) })
await producer.close()
did(`produced ${RECORDS} records`)

const consumer = new Consumer({ ...connection, groupId, deserializers: stringDeserializers })
const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
const values = new Set()
const timer = setTimeout(() => {
  console.error(`consumed ${values.size} of ${RECORDS} records`)
  process.exit(1)
}, 60_000)
const messages = stream[Symbol.asyncIterator]()
while (values.size < RECORDS) values.add((await messages.next()).value.value)
clearTimeout(timer)
did(`consumed ${values.size} records in ${groupId}`)

const groups = await admin.listGroups()
assert(groups.has(groupId), 'the group is in the list')
const described = (await admin.describeGroups({ groups: [groupId] })).get(groupId)
assert.match(described.state, /^stable$/i)
assert.strictEqual(described.members.size, 1)
did(`listed ${groups.size} groups and described ${groupId}: ${described.state}, ${described.members.size} member`)
await consumer.close(true)

await admin.deleteTopics({ topics: [topic] })
assert(!(await admin.listTopics()).includes(topic), 'the deleted topic is gone')
did(`deleted ${topic}`)
await admin.close()
