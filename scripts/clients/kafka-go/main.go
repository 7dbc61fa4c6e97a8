// What a program does first, by kafka-go's default calls; prints what came of each. It has no patterns.
//
// usage: firststeps ADDR PREFIX
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"steplog"
)

const records = 10

func main() {
	addr, topic, group := os.Args[1], os.Args[2]+"-first", os.Args[2]+"-first-group"
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	conn, err := kafka.DialContext(ctx, "tcp", addr)
	steplog.Check(err)
	brokers, err := conn.Brokers()
	steplog.Check(err)
	controller, err := conn.Controller()
	steplog.Check(err)
	steplog.Expect(len(brokers) == 1, "one broker, not %v", brokers)
	steplog.Did("described the cluster: controller %d, %d broker", controller.ID, len(brokers))

	steplog.Check(conn.CreateTopics(kafka.TopicConfig{Topic: topic, NumPartitions: 3, ReplicationFactor: 1}))
	topics := list(conn)
	for !slices.Contains(topics, topic) {
		steplog.Check(ctx.Err())
		time.Sleep(100 * time.Millisecond)
		topics = list(conn)
	}
	steplog.Did("created %s, one of %d topics listed", topic, len(topics))

	writer := &kafka.Writer{Addr: kafka.TCP(addr), Topic: topic}
	var messages []kafka.Message
	for i := range records {
		messages = append(messages, kafka.Message{Key: fmt.Appendf(nil, "key %d", i), Value: fmt.Appendf(nil, "value %d", i)})
	}
	steplog.Check(writer.WriteMessages(ctx, messages...))
	steplog.Check(writer.Close())
	steplog.Did("produced %d records", records)

	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{addr}, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset})
	values := map[string]bool{}
	for len(values) < records {
		message, err := reader.ReadMessage(ctx)
		steplog.Check(err)
		values[string(message.Value)] = true
	}
	steplog.Did("consumed %d records in %s", len(values), group)

	client := &kafka.Client{Addr: kafka.TCP(addr)}
	listed, err := client.ListGroups(ctx, &kafka.ListGroupsRequest{})
	steplog.Check(err)
	steplog.Check(listed.Error)
	isOurs := func(g kafka.ListGroupsResponseGroup) bool { return g.GroupID == group }
	steplog.Expect(slices.ContainsFunc(listed.Groups, isOurs), "the group is in the list, not only %v", listed.Groups)
	described, err := client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	steplog.Check(err)
	found := described.Groups[0]
	steplog.Check(found.Error)
	steplog.Expect(found.GroupState == "Stable" && len(found.Members) == 1, "a stable group with one member, not %+v", found)
	steplog.Did("listed %d groups and described %s: %s, %d member", len(listed.Groups), group, found.GroupState, len(found.Members))
	steplog.Check(reader.Close())

	steplog.Check(conn.DeleteTopics(topic))
	for slices.Contains(list(conn), topic) {
		steplog.Check(ctx.Err())
		time.Sleep(100 * time.Millisecond)
	}
	steplog.Did("deleted %s", topic)
}

// list returns the names of all topics.
func list(conn *kafka.Conn) (topics []string) {
	partitions, err := conn.ReadPartitions()
	steplog.Check(err)
	for _, p := range partitions {
		topics = append(topics, p.Topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}
