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

FROM ${BASE} AS files
COPY deploy/image/gather /gather
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/kafkaesque /usr/local/bin/kafkaesque
COPY deploy/image/entrypoint /usr/local/bin/entrypoint
RUN /gather /image

# What a broker needs of the base and nothing else: no package manager, no program that changes users.
FROM scratch
COPY --from=files /image /
ENV PATH=/usr/local/bin:/usr/bin
EXPOSE 9092 9093 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["kafkaesque", "health"]
USER 10001:10001
ENTRYPOINT ["entrypoint"]
