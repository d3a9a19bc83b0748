# Builds the linkyard binary and puts it, alone, into an image without a shell.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin linkyard \
    && mkdir -p /out/keys /out/data \
    && cp target/release/linkyard /out/linkyard

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/linkyard /usr/local/bin/linkyard
# Volumes take the owner of the directories that they are mounted on.
COPY --from=build --chown=nonroot:nonroot /out/keys /keys
COPY --from=build --chown=nonroot:nonroot /out/data /data
ENTRYPOINT ["/usr/local/bin/linkyard"]
CMD ["up"]
