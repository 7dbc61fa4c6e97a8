// What a program does first, by kafka-go's default calls; prints what came of each. It has no patterns.
//
// usage: firststeps ADDR PREFIX
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
)

const records = 10

func main() {
	addr, topic, group := os.Args[1], os.Args[2]+"-first", os.Args[2]+"-first-group"
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	conn, err := kafka.DialContext(ctx, "tcp", addr)
	check(err)
	brokers, err := conn.Brokers()
	check(err)
	controller, err := conn.Controller()
	check(err)
	expect(len(brokers) == 1, "one broker, not %v", brokers)
	did("described the cluster: controller %d, %d broker", controller.ID, len(brokers))

	check(conn.CreateTopics(kafka.TopicConfig{Topic: topic, NumPartitions: 3, ReplicationFactor: 1}))
	topics := list(conn)
	for !slices.Contains(topics, topic) {
		check(ctx.Err())
		time.Sleep(100 * time.Millisecond)
		topics = list(conn)
	}
	did("created %s, one of %d topics listed", topic, len(topics))

	writer := &kafka.Writer{Addr: kafka.TCP(addr), Topic: topic}
	var messages []kafka.Message
	for i := range records {
		messages = append(messages, kafka.Message{Key: fmt.Appendf(nil, "key %d", i), Value: fmt.Appendf(nil, "value %d", i)})
	}
	check(writer.WriteMessages(ctx, messages...))
	check(writer.Close())
	did("produced %d records", records)

	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{addr}, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset})
	values := map[string]bool{}
	for len(values) < records {
		message, err := reader.ReadMessage(ctx)
		check(err)
		values[string(message.Value)] = true
	}
	did("consumed %d records in %s", len(values), group)

	client := &kafka.Client{Addr: kafka.TCP(addr)}
	listed, err := client.ListGroups(ctx, &kafka.ListGroupsRequest{})
	check(err)
	check(listed.Error)
	isOurs := func(g kafka.ListGroupsResponseGroup) bool { return g.GroupID == group }
	expect(slices.ContainsFunc(listed.Groups, isOurs), "the group is in the list, not only %v", listed.Groups)
	described, err := client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	check(err)
	found := described.Groups[0]
	check(found.Error)
	expect(found.GroupState == "Stable" && len(found.Members) == 1, "a stable group with one member, not %+v", found)
	did("listed %d groups and described %s: %s, %d member", len(listed.Groups), group, found.GroupState, len(found.Members))
	check(reader.Close())

	check(conn.DeleteTopics(topic))
	for slices.Contains(list(conn), topic) {
		check(ctx.Err())
		time.Sleep(100 * time.Millisecond)
	}
	did("deleted %s", topic)
}

// list returns the names of all topics.
func list(conn *kafka.Conn) (topics []string) {
	partitions, err := conn.ReadPartitions()
	check(err)
	for _, p := range partitions {
		topics = append(topics, p.Topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
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
