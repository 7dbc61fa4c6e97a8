# The broker in an image: `docker build -t kafkaesque:latest .`
# Both bases can be others (--build-arg BUILDER=..., --build-arg BASE=...). An executable file `kafkaesque` beside this one is
# taken instead of being built.
ARG BUILDER=rust:1.91-bookworm
ARG BASE=debian:bookworm-slim

FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
ENV CARGO_PROFILE_RELEASE_STRIP=true CARGO_PROFILE_RELEASE_DEBUG=false
RUN [ -x kafkaesque ] || { cargo build --release --locked --bin kafkaesque && cp target/release/kafkaesque .; }

FROM ${BASE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/kafkaesque /usr/local/bin/kafkaesque
COPY deploy/image/entrypoint /usr/local/bin/entrypoint
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kafkaesque
EXPOSE 9092 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["kafkaesque", "health"]
# The broker never runs as root: the entry point gives it the folder of its data, which Docker makes root's, and is root for
# that alone. With `--user`, nothing here is.
ENTRYPOINT ["entrypoint"]
