# One static program and nothing else: no shell, no packages, nothing to write to. `make image` builds
# the program and puts it next to this file.
FROM scratch
COPY portico /portico
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/portico"]
CMD ["operator"]
