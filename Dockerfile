# One static program and nothing else: no shell, no packages, nothing to write to. `make image` builds
# the program, puts it next to this file, and passes the commit that the program names.
FROM scratch
ARG COMMIT=unknown
LABEL org.opencontainers.image.revision=$COMMIT
COPY portico /portico
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/portico"]
CMD ["operator"]
