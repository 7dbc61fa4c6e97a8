// The Java client. usage: java Cases.java CASES PREFIX

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.auth.SaslExtensionsCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Cases {
    static final int RECORDS = 10;
    static final String JAAS = "org.apache.kafka.common.security.";

    public static void main(String[] arguments) throws Exception {
        var json = new ObjectMapper();
        var number = 0;
        for (JsonNode one : json.readTree(Path.of(arguments[0]).toFile())) {
            var began = System.nanoTime();
            var line = json.createObjectNode().put("case", one.get("name").asText());
            try {
                if (one.get("refused").asBoolean()) {
                    line.put("said", refuse(one)).put("outcome", "refused");
                } else {
                    work(one, arguments[1] + "-" + number);
                    line.put("said", "").put("outcome", "ok");
                }
            } catch (Throwable error) {
                line.put("said", error.toString()).put("outcome", "failed");
            }
            line.put("seconds", Math.round((System.nanoTime() - began) / 1e7) / 100.0);
            System.out.println(line);
            number++;
        }
        System.exit(0);
    }

    static String text(JsonNode one, String name) {
        return one.hasNonNull(name) ? one.get(name).asText() : null;
    }

    static Map<String, Object> settings(JsonNode one) {
        var settings = new HashMap<String, Object>();
        settings.put("bootstrap.servers", text(one, "address"));
        settings.put("security.protocol", text(one, "protocol"));
        if (text(one, "ca") != null) {
            settings.put("ssl.truststore.type", "PEM");
            settings.put("ssl.truststore.location", text(one, "ca"));
        }
        if (text(one, "both") != null) {
            settings.put("ssl.keystore.type", "PEM");
            settings.put("ssl.keystore.location", text(one, "both"));
        }
        if (text(one, "mechanism") != null) {
            settings.put("sasl.mechanism", text(one, "mechanism"));
            login(one, settings);
        }
        return settings;
    }

    static void login(JsonNode one, Map<String, Object> settings) {
        var user = String.format(" required username=\"%s\" password=\"%s\";", text(one, "user"), text(one, "password"));
        switch (text(one, "mechanism")) {
            case "PLAIN" -> settings.put("sasl.jaas.config", JAAS + "plain.PlainLoginModule" + user);
            case "OAUTHBEARER" -> {
                var module = JAAS + "oauthbearer.OAuthBearerLoginModule required";
                if (text(one, "token") != null) {
                    settings.put("sasl.jaas.config", module + " token=\"" + text(one, "token") + "\";");
                    settings.put("sasl.login.callback.handler.class", Tokens.class);
                } else {
                    settings.put("sasl.jaas.config", module + ";");
                    settings.put("sasl.oauthbearer.token.endpoint.url", text(one, "endpoint"));
                    settings.put("sasl.oauthbearer.client.credentials.client.id", text(one, "client"));
                    settings.put("sasl.oauthbearer.client.credentials.client.secret", text(one, "secret"));
                    settings.put("sasl.oauthbearer.scope", "kafka");
                    settings.put("sasl.login.callback.handler.class", JAAS + "oauthbearer.OAuthBearerLoginCallbackHandler");
                }
            }
            default -> settings.put("sasl.jaas.config", JAAS + "scram.ScramLoginModule" + user);
        }
    }

    static void work(JsonNode one, String topic) throws Exception {
        try (var admin = Admin.create(settings(one))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get(20, TimeUnit.SECONDS);
        }
        var serializer = new StringSerializer();
        try (var producer = new KafkaProducer<>(settings(one), serializer, serializer)) {
            for (int i = 0; i < RECORDS; i++) {
                producer.send(new ProducerRecord<>(topic, "" + i)).get(20, TimeUnit.SECONDS);
            }
        }
        var settings = settings(one);
        settings.put("group.id", topic);
        settings.put("auto.offset.reset", "earliest");
        var deserializer = new StringDeserializer();
        try (var consumer = new KafkaConsumer<>(settings, deserializer, deserializer)) {
            consumer.subscribe(List.of(topic));
            Set<String> values = new HashSet<>();
            var deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (values.size() < RECORDS) {
                if (System.nanoTime() > deadline) throw new IllegalStateException("consumed " + values.size() + " records");
                consumer.poll(Duration.ofMillis(200)).forEach(record -> values.add(record.value()));
            }
        }
    }

    static String refuse(JsonNode one) throws Exception {
        try (var admin = Admin.create(settings(one))) {
            admin.listTopics().names().get(10, TimeUnit.SECONDS);
        } catch (ExecutionException error) {
            if (error.getCause() instanceof AuthenticationException cause) return cause.toString();
            throw error;
        }
        throw new IllegalStateException("it was not refused");
    }

    /** Gives the token of the JAAS options, whatever is in it. */
    public static class Tokens implements AuthenticateCallbackHandler {
        private String token;

        @Override
        public void configure(Map<String, ?> settings, String mechanism, List<AppConfigurationEntry> entries) {
            token = (String) entries.get(0).getOptions().get("token");
        }

        @Override
        public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
            for (var callback : callbacks) {
                if (callback instanceof OAuthBearerTokenCallback asked) {
                    asked.token(new Token(token, System.currentTimeMillis() + 3_600_000));
                } else if (!(callback instanceof SaslExtensionsCallback)) {
                    throw new UnsupportedCallbackException(callback);
                }
            }
        }

        @Override
        public void close() {}
    }

    record Token(String value, long lifetimeMs) implements OAuthBearerToken {
        @Override
        public Set<String> scope() {
            return Set.of();
        }

        @Override
        public String principalName() {
            return "alice";
        }

        @Override
        public Long startTimeMs() {
            return null;
        }
    }
}
