# The image of the one program: from scratch, not root, no shell. `image/build.sh` makes the same one without an engine.
#   docker build --build-arg DEALFLOW_COMMIT=$(git rev-parse --short=12 HEAD) -t dealflow .
FROM docker.io/library/rust:1.94-bookworm AS build
ARG DEALFLOW_COMMIT=unknown
ENV DEALFLOW_COMMIT=$DEALFLOW_COMMIT SOURCE_DATE_EPOCH=0
ENV RUSTFLAGS="--remap-path-prefix=/src=/dealflow --remap-path-prefix=/usr/local/cargo=/cargo"
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist -p dealflow \
    && image/rootfs.sh target/dist/dealflow /root-of-image

FROM scratch
COPY --from=build /root-of-image /
COPY --from=build --chown=65532:65532 /root-of-image.home /
USER 65532:65532
WORKDIR /data
ENV DEALFLOW_DATA=/data DEALFLOW_LISTEN=0.0.0.0:7400
VOLUME /data
EXPOSE 7400 7410
ENTRYPOINT ["/usr/bin/dealflow"]
CMD ["serve"]
