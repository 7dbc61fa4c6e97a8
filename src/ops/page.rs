//! `/`: a page for whoever opens the port in a browser.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Links of the page, each with what it is for.
const LINKS: [(&str, &str); 4] = [
    ("/health", "a summary, as JSON"),
    ("/live", "whether the process should be left running"),
    ("/ready", "whether clients should be sent here"),
    ("/metrics", "for Prometheus"),
];

/// The facts of `/health` for people: the state first, where to connect, then the rest.
pub(super) fn page(health: &Map<String, Value>) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Kafkaesque</title>\n\
         <style>body { font: 16px/1.5 sans-serif; margin: 3em auto; max-width: 40em; padding: 0 1em } \
         th { text-align: left; padding-right: 1em; font-weight: normal; color: #666 \
         }</style></head>\n<body>\n",
    );
    let text = |name: &str| health.get(name).and_then(shown);
    let state = text("status").unwrap_or_default();
    let _ = writeln!(html, "<h1>Kafkaesque is {}</h1>", escaped(&state));
    if let Some(reason) = text("reason") {
        let _ = writeln!(html, "<p>{}</p>", escaped(&reason));
    }
    if let Some(address) = text("connect") {
        let address = escaped(&address);
        let _ = writeln!(
            html,
            "<p>Kafka clients connect to <b>{address}</b> (<code>bootstrap.servers={address}</code>).</p>"
        );
    }
    html.push_str("<table>\n");
    for (name, value) in health {
        if !["status", "reason", "connect"].contains(&name.as_str())
            && let Some(value) = shown(value)
        {
            let name = name.replace('_', " ");
            let _ = writeln!(html, "<tr><th>{}</th><td>{}</td></tr>", escaped(&name), escaped(&value));
        }
    }
    html.push_str("</table>\n<ul>\n");
    for (path, what) in LINKS {
        let _ = writeln!(html, "<li><a href=\"{path}\">{path}</a>: {what}</li>");
    }
    html.push_str("</ul>\n</body>\n</html>\n");
    html
}

/// A value in a reader's words; nothing is not shown.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(values) if values.is_empty() => None,
        Value::Object(values) if values.is_empty() => None,
        other => Some(other.to_string()),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
