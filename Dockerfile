# docker build -t vareon . && docker run --init --shm-size=256m -p 127.0.0.1:8480:8480 -v vareon:/data vareon
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/vareon
COPY requirements.lock ./
RUN /opt/vareon/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY vareon_runtime vareon_runtime
COPY actors actors
COPY web web
RUN /opt/vareon/bin/pip install --no-cache-dir --no-build-isolation --no-deps .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data vareon \
  && install --directory --owner=vareon --group=vareon --mode=0700 /data
COPY --from=build /opt/vareon /opt/vareon
# Inside of a container every address is its own; who reaches it is decided by the published port.
ENV PATH=/opt/vareon/bin:$PATH \
    VAREON_DATA_DIR=/data \
    VAREON_HOST=0.0.0.0 \
    VAREON_ALLOW_REMOTE=1 \
    PYTHONUNBUFFERED=1
USER vareon
VOLUME /data
EXPOSE 8480
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["vareon", "status"]
ENTRYPOINT ["vareon"]
CMD ["up"]
