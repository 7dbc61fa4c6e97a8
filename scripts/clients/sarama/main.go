// Produces records to topics of three partitions with sarama, reads them back by assignment, and compares.
//
// usage: roundtrip ADDR PREFIX FILE
package main

import (
	"bytes"
	"log"
	"os"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

const partitions = 3

var addrs, prefix = []string{os.Args[1]}, os.Args[2]

type record struct {
	key, value []byte
	headers    []sarama.RecordHeader
}

func main() {
	file, err := os.ReadFile(os.Args[3])
	check(err)
	var lines []record
	for line := range bytes.Lines(file) {
		lines = append(lines, record{value: bytes.TrimSuffix(line, []byte("\n"))})
	}
	some := lines[:1000]

	roundTrip("lines", lines, settings(func(c *sarama.Config) {
		c.Producer.Idempotent, c.Producer.RequiredAcks, c.Net.MaxOpenRequests = true, sarama.WaitForAll, 1
	}))
	for name, codec := range map[string]sarama.CompressionCodec{
		"gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	} {
		roundTrip(name, some, settings(func(c *sarama.Config) { c.Producer.Compression = codec }))
	}
	for name, acks := range map[string]sarama.RequiredAcks{
		"acks-0": sarama.NoResponse, "acks-1": sarama.WaitForLocal, "acks-all": sarama.WaitForAll,
	} {
		roundTrip(name, some, settings(func(c *sarama.Config) { c.Producer.RequiredAcks = acks }))
	}
	// What the library speaks for those who never set a version.
	roundTrip("default-version", some, settings(func(c *sarama.Config) { c.Version = sarama.DefaultVersion }))
	roundTrip("shapes", []record{
		{[]byte("key"), []byte("value"), []sarama.RecordHeader{
			{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("a"), Value: []byte("2")}, {Key: []byte("empty"), Value: []byte{}}, {Key: []byte("null")},
		}},
		{key: []byte("key")},
		{key: []byte("key"), value: []byte{}},
		{key: []byte{}, value: []byte("empty key")},
		{value: bytes.Repeat([]byte("0123456789"), 90_000)},
	}, settings(func(*sarama.Config) {}))
}

func settings(change func(*sarama.Config)) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Flush.Frequency = 5 * time.Millisecond
	change(c)
	return c
}

func roundTrip(name string, records []record, config *sarama.Config) {
	topic := prefix + "-" + name
	client, err := sarama.NewClient(addrs, config)
	check(err)
	admin, err := sarama.NewClusterAdminFromClient(client)
	check(err)
	defer admin.Close()
	check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false))
	// Records sent with acks=0 to a partition that is not up yet would be lost.
	waitForEnd(client, topic, 0)

	offsets := produce(client, topic, records)
	waitForEnd(client, topic, len(records))
	got := consume(client, topic, len(records))
	for i, sent := range records {
		same := func(a, b *sarama.RecordHeader) bool { return equal(a.Key, b.Key) && equal(a.Value, b.Value) }
		g := got[i%partitions][i/partitions]
		headers := make([]*sarama.RecordHeader, len(sent.headers))
		for h := range sent.headers {
			headers[h] = &sent.headers[h]
		}
		if g.Offset != int64(i/partitions) || !equal(sent.key, g.Key) || !equal(sent.value, g.Value) || !slices.EqualFunc(headers, g.Headers, same) {
			log.Fatalf("%s: sent %v, got %v", topic, sent, g)
		}
		if config.Producer.RequiredAcks != sarama.NoResponse && offsets[i] != g.Offset {
			log.Fatalf("%s: acknowledged at %d, found at %d", topic, offsets[i], g.Offset)
		}
	}
}

func produce(client sarama.Client, topic string, records []record) []int64 {
	producer, err := sarama.NewAsyncProducerFromClient(client)
	check(err)
	go func() {
		for i, r := range records {
			m := &sarama.ProducerMessage{Topic: topic, Partition: int32(i % partitions), Headers: r.headers, Metadata: i}
			if r.key != nil {
				m.Key = sarama.ByteEncoder(r.key)
			}
			if r.value != nil {
				m.Value = sarama.ByteEncoder(r.value)
			}
			producer.Input() <- m
		}
		producer.AsyncClose()
	}()
	go func() {
		for e := range producer.Errors() {
			log.Fatalf("%s: %v", topic, e)
		}
	}()
	offsets := make([]int64, len(records))
	for m := range producer.Successes() {
		offsets[m.Metadata.(int)] = m.Offset
	}
	return offsets
}

// waitForEnd returns when every partition answers and their ends add up to count.
func waitForEnd(client sarama.Client, topic string, count int) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		sum, answered := int64(0), 0
		for p := range int32(partitions) {
			if end, err := client.GetOffset(topic, p, sarama.OffsetNewest); err == nil {
				sum, answered = sum+end, answered+1
			}
		}
		if answered == partitions && sum >= int64(count) {
			return
		}
		if time.Now().After(deadline) {
			log.Fatalf("%s: %d of %d records from %d partitions", topic, sum, count, answered)
		}
	}
}

func consume(client sarama.Client, topic string, count int) (got [partitions][]*sarama.ConsumerMessage) {
	consumer, err := sarama.NewConsumerFromClient(client)
	check(err)
	defer consumer.Close()
	messages := make(chan *sarama.ConsumerMessage, 1000)
	for p := range int32(partitions) {
		partition, err := consumer.ConsumePartition(topic, p, sarama.OffsetOldest)
		check(err)
		defer partition.AsyncClose()
		go func() {
			for m := range partition.Messages() {
				messages <- m
			}
		}()
	}
	timeout := time.After(time.Minute)
	for read := 0; read < count; read++ {
		select {
		case m := <-messages:
			got[m.Partition] = append(got[m.Partition], m)
		case <-timeout:
			log.Fatalf("%s: read %d of %d records", topic, read, count)
		}
	}
	return got
}

// Null and empty are different.
func equal(a, b []byte) bool {
	return bytes.Equal(a, b) && (a == nil) == (b == nil)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
