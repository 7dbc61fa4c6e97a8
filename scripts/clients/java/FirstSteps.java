// What a program does first, by the Java client's default calls; prints what came of each.
//
// usage: java FirstSteps.java ADDR PREFIX

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class FirstSteps {
    static final int RECORDS = 10;

    /** The older call to list groups is made too, as many programs do. */
    @SuppressWarnings("removal")
    public static void main(String[] args) throws Exception {
        String addr = args[0], topic = args[1] + "-first", group = args[1] + "-first-group";
        try (var admin = Admin.create(Map.of("bootstrap.servers", addr))) {
            var cluster = admin.describeCluster();
            var nodes = cluster.nodes().get();
            check(nodes.size() == 1, "one broker, not " + nodes);
            did("described cluster " + cluster.clusterId().get() + ": controller " + cluster.controller().get().id() + ", " + nodes.size() + " broker");

            admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get();
            until("the created topic in the list", () -> admin.listTopics().names().get().contains(topic));
            did("created " + topic + ", one of " + admin.listTopics().names().get().size() + " topics listed");

            produce(addr, topic);
            var properties = Map.<String, Object>of("bootstrap.servers", addr, "group.id", group, "auto.offset.reset", "earliest");
            try (var consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
                consumer.subscribe(Pattern.compile(args[1] + "-fir.*"));
                consume(consumer);
                did("consumed " + RECORDS + " records in " + group + ", subscribed by pattern");

                var groups = admin.listGroups().all().get();
                check(groups.stream().anyMatch(g -> g.groupId().equals(group)), "the group in the list, not only " + groups);
                check(admin.listConsumerGroups().all().get().stream().anyMatch(g -> g.groupId().equals(group)), "the group among those of consumers");
                var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
                check(described.groupState().toString().equals("Stable") && described.members().size() == 1, "a stable group with one member, not " + described);
                did("listed " + groups.size() + " groups and described " + group + ": " + described.groupState() + ", " + described.members().size() + " member");
            }
            admin.deleteTopics(List.of(topic)).all().get();
            until("the deleted topic gone", () -> !admin.listTopics().names().get().contains(topic));
            did("deleted " + topic);
        }
    }

    static void produce(String addr, String topic) throws Exception {
        try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", addr), new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < RECORDS; i++) {
                producer.send(new ProducerRecord<>(topic, "key " + i, "value " + i)).get();
            }
        }
        did("produced " + RECORDS + " records");
    }

    static void consume(KafkaConsumer<String, String> consumer) {
        Set<String> values = new HashSet<>();
        var deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (values.size() < RECORDS) {
            check(System.nanoTime() < deadline, RECORDS + " records, not only " + values.size());
            consumer.poll(Duration.ofMillis(500)).forEach(r -> values.add(r.value()));
        }
        consumer.commitSync();
    }

    static void until(String what, Callable<Boolean> isSo) throws Exception {
        var deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!isSo.call()) {
            check(System.nanoTime() < deadline, what);
            Thread.sleep(100);
        }
    }

    static void check(boolean is, String what) {
        if (!is) {
            throw new AssertionError("expected: " + what);
        }
    }

    static void did(String what) {
        System.out.println("- " + what);
    }
}
