// Counts words with Kafka Streams, twice with an empty state directory: the second life has only the changelog topic to
// know the first one's counts from. Checks the counts and the internal topics' settings.
//
// usage: java WordCount.java ADDR PREFIX STATE_DIR

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

public class WordCount {
    static final Duration PATIENCE = Duration.ofSeconds(60);
    static final int PARTITIONS = 3;

    final String addr;
    final String application;
    final String input;
    final String output;
    final Map<String, Long> expected = new TreeMap<>();

    WordCount(String addr, String prefix) {
        this.addr = addr;
        application = prefix + "-count";
        input = prefix + "-lines";
        output = prefix + "-counts";
    }

    public static void main(String[] args) throws Exception {
        var count = new WordCount(args[0], args[1]);
        var states = Path.of(args[2]);
        try (var admin = Admin.create(Map.<String, Object>of("bootstrap.servers", args[0]))) {
            admin.createTopics(List.of(new NewTopic(count.input, PARTITIONS, (short) 1), new NewTopic(count.output, PARTITIONS, (short) 1)))
                .all().get();
            count.live(states.resolve("first"), List.of("all streams lead to kafka", "hello kafka streams", "join kafka summit"));
            count.live(states.resolve("second"), List.of("kafka again", "all again"));
            count.checkInternalTopics(admin);
        }
        System.out.println("ok streams " + count.expected);
    }

    /** Starts the application with an empty state directory, gives it lines, and waits for the counts. */
    void live(Path state, List<String> lines) throws Exception {
        for (var line : lines) {
            for (var word : line.split(" ")) {
                expected.merge(word, 1L, Long::sum);
            }
        }
        try (var streams = new KafkaStreams(topology(), settings(state))) {
            streams.start();
            produce(lines);
            awaitCounts(streams);
        }
    }

    org.apache.kafka.streams.Topology topology() {
        var builder = new StreamsBuilder();
        builder.<String, String>stream(input)
            .flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word, Grouped.as("words"))
            .count(Materialized.as("counts"))
            .toStream()
            .to(output, Produced.with(Serdes.String(), Serdes.Long()));
        return builder.build();
    }

    Properties settings(Path state) {
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, addr);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put("auto.offset.reset", "earliest");
        // Streams does not leave its group on close, so the second life waits for the first one's session to end.
        settings.put("session.timeout.ms", 6_000);
        settings.put("heartbeat.interval.ms", 1_000);
        return settings;
    }

    void produce(List<String> lines) throws Exception {
        try (var producer = new KafkaProducer<>(Map.<String, Object>of("bootstrap.servers", addr), new StringSerializer(), new StringSerializer())) {
            for (var line : lines) {
                producer.send(new ProducerRecord<>(input, line)).get();
            }
        }
    }

    /** Reads the output from its beginning until the newest count of every word is the expected one. */
    void awaitCounts(KafkaStreams streams) {
        var counts = new TreeMap<String, Long>();
        try (var consumer = new KafkaConsumer<>(Map.<String, Object>of("bootstrap.servers", addr), new StringDeserializer(), new LongDeserializer())) {
            var partitions = java.util.stream.IntStream.range(0, PARTITIONS).mapToObj(p -> new TopicPartition(output, p)).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            var deadline = System.nanoTime() + PATIENCE.toNanos();
            while (!counts.equals(expected)) {
                check(System.nanoTime() < deadline, "counts are " + counts + " rather than " + expected + ", state " + streams.state());
                consumer.poll(Duration.ofMillis(200)).forEach(record -> counts.put(record.key(), record.value()));
            }
        }
    }

    void checkInternalTopics(Admin admin) throws Exception {
        var wanted = new HashMap<String, Map<String, String>>();
        wanted.put(application + "-words-repartition", Map.of("cleanup.policy", "delete", "retention.ms", "-1", "segment.bytes", "52428800"));
        wanted.put(application + "-counts-changelog", Map.of("cleanup.policy", "compact", "message.timestamp.type", "CreateTime"));
        var resources = wanted.keySet().stream().map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name)).collect(Collectors.toList());
        for (var described : admin.describeConfigs(resources).all().get().entrySet()) {
            for (var setting : wanted.get(described.getKey().name()).entrySet()) {
                var value = described.getValue().get(setting.getKey()).value();
                check(value.equals(setting.getValue()), described.getKey().name() + ": " + setting.getKey() + " is " + value);
            }
        }
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) {
            System.err.println(otherwise);
            System.exit(1);
        }
    }
}
