// What a program does first, by franz-go's default calls; prints what came of each.
//
// usage: firststeps ADDR PREFIX
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"steplog"
)

const records = 10

func main() {
	addr, prefix := os.Args[1], os.Args[2]
	topic, group := prefix+"-first", prefix+"-first-group"
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	producer, err := kgo.NewClient(kgo.SeedBrokers(addr))
	steplog.Check(err)
	defer producer.Close()
	admin := kadm.NewClient(producer)
	cluster, err := admin.BrokerMetadata(ctx)
	steplog.Check(err)
	steplog.Expect(len(cluster.Brokers) == 1, "one broker, not %v", cluster.Brokers)
	steplog.Did("described cluster %s: controller %d, %d broker", cluster.Cluster, cluster.Controller, len(cluster.Brokers))

	_, err = admin.CreateTopic(ctx, 3, 1, nil, topic)
	steplog.Check(err)
	topics, err := admin.ListTopics(ctx)
	steplog.Check(err)
	steplog.Expect(topics.Has(topic), "the created topic is in the list, not only %v", topics.Names())
	steplog.Did("created %s, one of %d topics listed", topic, len(topics))

	for i := range records {
		r := &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "key %d", i), Value: fmt.Appendf(nil, "value %d", i)}
		steplog.Check(producer.ProduceSync(ctx, r).FirstErr())
	}
	steplog.Did("produced %d records", records)

	consumer, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumerGroup(group), kgo.ConsumeRegex(),
		kgo.ConsumeTopics("^"+prefix+"-fir.*"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	steplog.Check(err)
	values := map[string]bool{}
	for len(values) < records {
		fetches := consumer.PollFetches(ctx)
		steplog.Check(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { values[string(r.Value)] = true })
	}
	steplog.Check(consumer.CommitUncommittedOffsets(ctx))
	steplog.Did("consumed %d records in %s, subscribed by pattern", len(values), group)

	groups, err := admin.ListGroups(ctx)
	steplog.Check(err)
	described, err := admin.DescribeGroups(ctx, group)
	steplog.Check(err)
	found := described[group]
	steplog.Check(found.Err)
	_, isListed := groups[group]
	steplog.Expect(isListed && found.State == "Stable" && len(found.Members) == 1, "a stable group with one member, not %+v", found)
	steplog.Did("listed %d groups and described %s: %s, %d member", len(groups), group, found.State, len(found.Members))
	consumer.Close()

	_, err = admin.DeleteTopic(ctx, topic)
	steplog.Check(err)
	for topics.Has(topic) {
		topics, err = admin.ListTopics(ctx)
		steplog.Check(err)
		time.Sleep(100 * time.Millisecond)
	}
	steplog.Did("deleted %s", topic)
}
