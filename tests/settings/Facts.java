// What Kafka's own classes and a running Kafka broker say of their configs. Run as a single file; it prints one fact a
// line, fields separated by tabs, "\N" for null.
//   classes              every definition, its synonyms, and what can be changed while running
//   verdicts FILE        for each line "scope TAB name TAB value" of FILE: "ok", or the refusal
//   changes ADDRESS FILE for each line "broker TAB name TAB value" of FILE: what a running broker would say of the change
//   describe ADDRESS     configs of topics, the broker and groups, some of them changed first

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.*;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.coordinator.group.GroupConfig;
import org.apache.kafka.server.config.AbstractKafkaConfig;
import org.apache.kafka.server.config.DynamicBrokerConfig;
import org.apache.kafka.server.config.QuotaConfig;
import org.apache.kafka.server.config.ServerTopicConfigSynonyms;
import org.apache.kafka.storage.internals.log.LogConfig;

public class Facts {
    static final Map<String, Map<String, ConfigDef.ConfigKey>> SCOPES = Map.of(
        "topic", LogConfig.configKeys(),
        "broker", brokerKeys(),
        "group", GroupConfig.CONFIG_DEF.configKeys());

    // The replication quotas of a broker can be changed, and are none of its settings at start.
    static Map<String, ConfigDef.ConfigKey> brokerKeys() {
        Map<String, ConfigDef.ConfigKey> keys = new TreeMap<>(AbstractKafkaConfig.CONFIG_DEF.configKeys());
        keys.putAll(QuotaConfig.brokerQuotaConfigs().configKeys());
        return keys;
    }

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "classes" -> classes();
            case "verdicts" -> verdicts(Path.of(arguments[1]));
            case "describe" -> describe(arguments[1]);
            case "changes" -> changes(arguments[1], Path.of(arguments[2]));
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    static void print(Object... fields) {
        System.out.println(Arrays.stream(fields).map(f -> f == null ? "\\N" : escape(f.toString()))
            .collect(Collectors.joining("\t")));
    }

    static String escape(String text) {
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r");
    }

    static void classes() {
        SCOPES.forEach((scope, keys) -> keys.values().stream().filter(key -> !key.internalConfig).forEach(key -> {
            Object value = key.defaultValue == ConfigDef.NO_DEFAULT_VALUE ? null : key.defaultValue;
            print("config", scope, key.name, key.type, ConfigDef.convertToString(value, key.type), key.importance);
        }));
        // A synonym's converter is told by what it makes of the number 2.
        ServerTopicConfigSynonyms.ALL_TOPIC_CONFIG_SYNONYMS.forEach((name, synonyms) ->
            synonyms.forEach(s -> print("synonym", "topic", name, s.name(), s.converter().apply("2"))));
        GroupConfig.ALL_GROUP_CONFIG_SYNONYMS.forEach((name, synonym) ->
            synonym.ifPresent(s -> print("synonym", "group", name, s, "2")));
        DynamicBrokerConfig.dynamicConfigUpdateModes().forEach((name, mode) -> print("update", name, mode));
    }

    static void verdicts(Path file) throws Exception {
        for (String line : Files.readAllLines(file)) {
            String[] fields = line.split("\t", -1);
            String verdict = "ok";
            try {
                if (fields[0].equals("topic")) {
                    LogConfig.validate(Map.of(fields[1], fields[2]));
                } else {
                    ConfigDef one = new ConfigDef();
                    one.define(SCOPES.get(fields[0]).get(fields[1]));
                    one.parse(Map.of(fields[1], fields[2]));
                }
            } catch (Exception refusal) {
                verdict = refusal.getMessage();
            }
            print(verdict);
        }
    }

    // A value of "\N" takes the config away.
    static void changes(String address, Path file) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", address))) {
            var options = new AlterConfigsOptions().validateOnly(true);
            for (String line : Files.readAllLines(file)) {
                String[] fields = line.split("\t", -1);
                var kind = fields[2].equals("\\N") ? AlterConfigOp.OpType.DELETE : AlterConfigOp.OpType.SET;
                var op = new AlterConfigOp(new ConfigEntry(fields[1], fields[2]), kind);
                var broker = new ConfigResource(ConfigResource.Type.BROKER, fields[0]);
                String verdict = "ok";
                try {
                    admin.incrementalAlterConfigs(Map.of(broker, List.of(op)), options).all().get(30, TimeUnit.SECONDS);
                } catch (java.util.concurrent.ExecutionException refusal) {
                    verdict = org.apache.kafka.common.protocol.Errors.forException(refusal.getCause()).name();
                }
                print(verdict);
            }
        }
    }

    static void describe(String address) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", address))) {
            admin.createTopics(List.of(
                new NewTopic("plain", 1, (short) 1),
                new NewTopic("own", 1, (short) 1).configs(Map.of(
                    "retention.ms", "1000", "cleanup.policy", "delete", "compression.type", "lz4"))))
                .all().get(30, TimeUnit.SECONDS);
            describeAll(admin, "fresh");
            change(admin, ConfigResource.Type.BROKER, "", "log.retention.ms", "60000", "compression.type", "gzip",
                "log.roll.ms", "120000");
            change(admin, ConfigResource.Type.BROKER, "1", "message.max.bytes", "2000000", "compression.type", "zstd");
            change(admin, ConfigResource.Type.GROUP, "readers", "consumer.session.timeout.ms", "50000");
            Thread.sleep(1000);
            describeAll(admin, "changed");
            merge(admin, "cleanup.policy", "APPEND compact", "SUBTRACT delete", "APPEND delete,compact",
                "APPEND compact,compact", "SUBTRACT compact,delete", "SUBTRACT delete", "APPEND delete");
            merge(admin, "follower.replication.throttled.replicas", "APPEND 0:1", "APPEND 0:1,1:1,2:1", "SUBTRACT 1:1",
                "APPEND 3:1", "SUBTRACT 0:1,2:1,3:1");
            merge(admin, "retention.ms", "APPEND 5", "SUBTRACT 5");
        }
    }

    // Changes a list of one topic step by step; says after each step what it is, or why the step was refused.
    static void merge(Admin admin, String name, String... steps) throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "plain");
        for (String step : steps) {
            String[] words = step.split(" ");
            var op = new AlterConfigOp(new ConfigEntry(name, words[1]), AlterConfigOp.OpType.valueOf(words[0]));
            String outcome;
            try {
                admin.incrementalAlterConfigs(Map.of(topic, List.of(op))).all().get(30, TimeUnit.SECONDS);
                Thread.sleep(200);
                outcome = admin.describeConfigs(List.of(topic)).all().get(30, TimeUnit.SECONDS).get(topic).get(name).value();
            } catch (java.util.concurrent.ExecutionException refusal) {
                outcome = refusal.getCause().getMessage();
            }
            print("merged", name, words[0], words[1], outcome);
        }
    }

    static void change(Admin admin, ConfigResource.Type type, String name, String... pairs) throws Exception {
        List<AlterConfigOp> ops = new ArrayList<>();
        for (int i = 0; i < pairs.length; i += 2) {
            ops.add(new AlterConfigOp(new ConfigEntry(pairs[i], pairs[i + 1]), AlterConfigOp.OpType.SET));
        }
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(type, name), ops)).all().get(30, TimeUnit.SECONDS);
    }

    static void describeAll(Admin admin, String stage) throws Exception {
        List<ConfigResource> resources = List.of(
            new ConfigResource(ConfigResource.Type.TOPIC, "plain"), new ConfigResource(ConfigResource.Type.TOPIC, "own"),
            new ConfigResource(ConfigResource.Type.BROKER, "1"), new ConfigResource(ConfigResource.Type.BROKER, ""),
            new ConfigResource(ConfigResource.Type.GROUP, "readers"));
        var options = new DescribeConfigsOptions().includeSynonyms(true);
        var described = admin.describeConfigs(resources, options).all().get(30, TimeUnit.SECONDS);
        for (ConfigResource resource : resources) {
            for (ConfigEntry entry : described.get(resource).entries()) {
                List<Object> fields = new ArrayList<>(Arrays.asList("described", stage,
                    resource.type().name().toLowerCase() + ":" + resource.name(), entry.name(), entry.value(),
                    entry.source(), entry.isReadOnly(), entry.isSensitive(), entry.type()));
                for (ConfigEntry.ConfigSynonym synonym : entry.synonyms()) {
                    fields.addAll(Arrays.asList(synonym.name(), synonym.value(), synonym.source()));
                }
                print(fields.toArray());
            }
        }
    }
}
