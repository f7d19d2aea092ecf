# syntax=docker/dockerfile:1

# The image of wolkvox-exporter.
#
#   docker build -t wolkvox-exporter --build-arg REVISION="$(git rev-parse --short HEAD)" .
#   docker run -d --name wolkvox-exporter -p 10119:10119 -v wolkvox-ledger:/var/lib/wolkvox-exporter \
#       -e WOLKVOX_TOKEN wolkvox-exporter --wolkvox.server 0042 --wolkvox.timezone America/Bogota
#
# Both stages are Debian 12, so that the program meets the C library that it was linked with. The first one has what the
# C parts need (SQLite, zstd and jemalloc are built in): a compiler and make.
FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
ARG REVISION=
# The caches keep the crates and what has been compiled of them from one build to the next. They are not part of the
# image, so the program is copied out of them. Cargo tells what has changed by the time of a file, and the cache may be newer
# than an older checkout: our own crates are always compiled.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/build/target,sharing=locked \
    touch build.rs src/*.rs crates/*/src/lib.rs \
    && WOLKVOX_EXPORTER_REVISION="$REVISION" cargo build --release --locked --bin wolkvox-exporter \
    && install -D -m 755 target/release/wolkvox-exporter /image/wolkvox-exporter

FROM debian:bookworm-slim
ARG REVISION=
LABEL org.opencontainers.image.title="wolkvox-exporter" \
    org.opencontainers.image.description="Prometheus exporter for the wolkvox report of abandoned calls: every call counted exactly once" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.revision="$REVISION"
# The certificates that the system's packages would bring; without them the exporter would use its built-in ones. A
# company that has its own mounts its file over this one.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /image/wolkvox-exporter /usr/local/bin/
# A number, for Kubernetes' runAsNonRoot can't judge a name. It needs no entry in /etc/passwd.
RUN install -d -m 750 -o 10119 -g 10119 /var/lib/wolkvox-exporter
USER 10119:10119
# The ledger's default is wolkvox-exporter.db in the working directory, and so on the volume. No variable names it here: a
# variable would beat the `ledger` of a configuration file, and `demo`, which makes a ledger of its own, would write into
# the real one.
WORKDIR /var/lib/wolkvox-exporter
VOLUME /var/lib/wolkvox-exporter
EXPOSE 10119
# It asks where the flags of the container's first process say that it listens. It never depends on wolkvox: a restart mends
# no outage of the API. An orchestrator asks /-/healthy and /-/ready itself.
HEALTHCHECK --interval=30s --timeout=12s --start-period=60s CMD ["/usr/local/bin/wolkvox-exporter", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/wolkvox-exporter"]
