// The names that Apache Kafka gives to certificates: of every certificate in a folder, its subject and what each list of
// rules makes of it.
// usage: java -cp KAFKA_CLIENTS Names.java FOLDER RULES   (FOLDER holds NAME.der, RULES has one list a line)

import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.kafka.common.security.ssl.SslPrincipalMapper;

public class Names {
    public static void main(String[] arguments) throws Exception {
        List<String> rules = Files.readAllLines(Path.of(arguments[1]));
        List<Path> files;
        try (var folder = Files.list(Path.of(arguments[0]))) {
            files = folder.filter(file -> file.toString().endsWith(".der")).sorted().toList();
        }
        System.out.println("{\"rules\": [");
        System.out.println(rules.stream().map(Names::quote).collect(Collectors.joining(",\n")));
        System.out.println("], \"certificates\": [");
        System.out.println(files.stream().map(file -> describe(file, rules)).collect(Collectors.joining(",\n")));
        System.out.println("]}");
    }

    static String describe(Path file, List<String> rules) {
        try {
            byte[] der = Files.readAllBytes(file);
            var certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(der));
            String subject = certificate.getSubjectX500Principal().getName();
            String names = rules.stream().map(list -> quote(name(list, subject))).collect(Collectors.joining(", "));
            return "{\"certificate\": " + quote(file.getFileName().toString())
                + ",\n \"der\": " + quote(Base64.getEncoder().encodeToString(der))
                + ",\n \"subject\": " + quote(subject)
                + ",\n \"names\": [" + names + "]}";
        } catch (Exception error) {
            throw new IllegalStateException(file + ": " + error, error);
        }
    }

    /** None if no rule of the list matches. */
    static String name(String rules, String subject) {
        try {
            return SslPrincipalMapper.fromRules(rules).getName(subject);
        } catch (java.io.IOException none) {
            return null;
        }
    }

    static String quote(String text) {
        if (text == null) return "null";
        var quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') quoted.append('\\').append(c);
            else if (c < ' ' || c > '~') quoted.append(String.format("\\u%04x", (int) c));
            else quoted.append(c);
        }
        return quoted.append('"').toString();
    }
}
