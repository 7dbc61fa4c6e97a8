// Produces records to topics of three partitions with franz-go, reads them back by assignment, and compares.
//
// usage: roundtrip ADDR PREFIX FILE
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const partitions = 3

var addr, prefix = os.Args[1], os.Args[2]

func main() {
	file, err := os.ReadFile(os.Args[3])
	check(err)
	var lines []*kgo.Record
	for line := range bytes.Lines(file) {
		lines = append(lines, &kgo.Record{Value: bytes.TrimSuffix(line, []byte("\n"))})
	}
	some := lines[:1000]

	roundTrip("lines", lines)
	roundTrip("gzip", some, kgo.ProducerBatchCompression(kgo.GzipCompression()))
	roundTrip("snappy", some, kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	roundTrip("lz4", some, kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	roundTrip("zstd", some, kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	roundTrip("acks-0", some, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	roundTrip("acks-1", some, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	roundTrip("acks-all", some, kgo.DisableIdempotentWrite())
	roundTrip("shapes", []*kgo.Record{
		{Key: []byte("key"), Value: []byte("value"), Headers: []kgo.RecordHeader{
			{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "empty", Value: []byte{}}, {Key: "null"},
		}},
		{Key: []byte("key")},
		{Key: []byte("key"), Value: []byte{}},
		{Key: []byte{}, Value: []byte("empty key")},
		{Value: bytes.Repeat([]byte("0123456789"), 90_000)},
	})
}

func roundTrip(name string, records []*kgo.Record, opts ...kgo.Opt) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	topic := prefix + "-" + name
	opts = append(opts, kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond))
	client, err := kgo.NewClient(opts...)
	check(err)
	defer client.Close()
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(ctx, partitions, 1, nil, topic)
	check(err)
	// Records sent with acks=0 to a partition that is not up yet would be lost.
	for end(ctx, admin, topic) < 0 {
		time.Sleep(20 * time.Millisecond)
	}

	sent := make([]*kgo.Record, len(records))
	for i, r := range records {
		sent[i] = &kgo.Record{Topic: topic, Partition: int32(i % partitions), Key: r.Key, Value: r.Value, Headers: r.Headers}
		client.Produce(ctx, sent[i], func(_ *kgo.Record, err error) { check(err) })
	}
	check(client.Flush(ctx))
	compare(topic, sent, consume(ctx, admin, topic, len(records)), name != "acks-0")
}

// The sum of all partitions' ends, or -1 while one of them does not answer.
func end(ctx context.Context, admin *kadm.Client, topic string) (sum int64) {
	check(ctx.Err())
	offsets, err := admin.ListEndOffsets(ctx, topic)
	if err != nil || offsets.Error() != nil || len(offsets[topic]) < partitions {
		return -1
	}
	offsets.Each(func(o kadm.ListedOffset) { sum += o.Offset })
	return sum
}

// The records of every partition; with acks=0 their end may still be on its way.
func consume(ctx context.Context, admin *kadm.Client, topic string, count int) [partitions][]*kgo.Record {
	for end(ctx, admin, topic) < int64(count) {
		time.Sleep(20 * time.Millisecond)
	}
	assignment := map[int32]kgo.Offset{}
	for p := range int32(partitions) {
		assignment[p] = kgo.NewOffset().AtStart()
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: assignment}))
	check(err)
	defer client.Close()
	var got [partitions][]*kgo.Record
	for read := 0; read < count; {
		fetches := client.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			check(fmt.Errorf("%s: read %d of %d records: %w", topic, read, count, e.Err))
		}
		fetches.EachRecord(func(r *kgo.Record) {
			got[r.Partition] = append(got[r.Partition], r)
			read++
		})
	}
	return got
}

func compare(topic string, sent []*kgo.Record, got [partitions][]*kgo.Record, acked bool) {
	for i, s := range sent {
		g := got[i%partitions][i/partitions]
		same := g.Offset == int64(i/partitions) && (!acked || s.Offset == g.Offset) &&
			equal(s.Key, g.Key) && equal(s.Value, g.Value) &&
			slices.EqualFunc(s.Headers, g.Headers, func(a, b kgo.RecordHeader) bool { return a.Key == b.Key && equal(a.Value, b.Value) })
		if !same {
			log.Fatalf("%s: sent %v, got %v", topic, s, g)
		}
	}
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
