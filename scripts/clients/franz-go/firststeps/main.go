// What a program does first, by franz-go's default calls; prints what came of each.
//
// usage: firststeps ADDR PREFIX
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const records = 10

func main() {
	addr, prefix := os.Args[1], os.Args[2]
	topic, group := prefix+"-first", prefix+"-first-group"
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	producer, err := kgo.NewClient(kgo.SeedBrokers(addr))
	check(err)
	defer producer.Close()
	admin := kadm.NewClient(producer)
	cluster, err := admin.BrokerMetadata(ctx)
	check(err)
	expect(len(cluster.Brokers) == 1, "one broker, not %v", cluster.Brokers)
	did("described cluster %s: controller %d, %d broker", cluster.Cluster, cluster.Controller, len(cluster.Brokers))

	_, err = admin.CreateTopic(ctx, 3, 1, nil, topic)
	check(err)
	topics, err := admin.ListTopics(ctx)
	check(err)
	expect(topics.Has(topic), "the created topic is in the list, not only %v", topics.Names())
	did("created %s, one of %d topics listed", topic, len(topics))

	for i := range records {
		r := &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "key %d", i), Value: fmt.Appendf(nil, "value %d", i)}
		check(producer.ProduceSync(ctx, r).FirstErr())
	}
	did("produced %d records", records)

	consumer, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumerGroup(group), kgo.ConsumeRegex(),
		kgo.ConsumeTopics("^"+prefix+"-fir.*"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	check(err)
	values := map[string]bool{}
	for len(values) < records {
		fetches := consumer.PollFetches(ctx)
		check(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { values[string(r.Value)] = true })
	}
	check(consumer.CommitUncommittedOffsets(ctx))
	did("consumed %d records in %s, subscribed by pattern", len(values), group)

	groups, err := admin.ListGroups(ctx)
	check(err)
	described, err := admin.DescribeGroups(ctx, group)
	check(err)
	found := described[group]
	check(found.Err)
	_, isListed := groups[group]
	expect(isListed && found.State == "Stable" && len(found.Members) == 1, "a stable group with one member, not %+v", found)
	did("listed %d groups and described %s: %s, %d member", len(groups), group, found.State, len(found.Members))
	consumer.Close()

	_, err = admin.DeleteTopic(ctx, topic)
	check(err)
	for topics.Has(topic) {
		topics, err = admin.ListTopics(ctx)
		check(err)
		time.Sleep(100 * time.Millisecond)
	}
	did("deleted %s", topic)
}

func did(format string, args ...any) {
	fmt.Printf("- "+format+"\n", args...)
}

func expect(is bool, format string, args ...any) {
	if !is {
		log.Fatalf("expected: "+format, args...)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
