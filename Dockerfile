# One image with every service as a command: docker run meganeura scheduler|seedpeer|dfdaemon|manager|dfget|dfctl …
# It is made of the wheels in build/wheels, which docker/wheels collects; the build asks no network for anything.
# BASE: any image with Python 3.11 as python3 whose C library is that of Debian 12 or newer.
ARG BASE=docker.io/library/python:3.11-slim

FROM ${BASE} AS build
COPY build/wheels /wheels
COPY docker/health.py /health.py
ARG VERSION
ARG SOURCE_DATE_EPOCH=315532800
# The modules are compiled here, since the root file system is read-only where the image runs, and by content, so
# that two builds are alike to the byte. Tests, stubs and zstandard's second back end stay out.
RUN set -eu; \
    python3 -m venv --without-pip /opt/meganeura; \
    /opt/meganeura/bin/python "$(echo /wheels/pip-*.whl)/pip" install --quiet --no-index --no-compile --no-cache-dir \
        --disable-pip-version-check --root-user-action=ignore \
        --find-links /wheels "meganeura[fs,manager,tracing]==${VERSION}"; \
    cd /opt/meganeura; \
    mv /health.py bin/health.py; \
    find lib -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -rf {} +; \
    rm -f lib/*/site-packages/zstandard/_cffi*.so; \
    find lib -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' \) -delete; \
    find lib -name RECORD -o -name direct_url.json -o -name INSTALLER -o -name REQUESTED | xargs rm -f; \
    bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash lib; \
    mkdir -p /tree/opt /tree/var/lib/meganeura /tree/var/log/dragonfly /tree/run/dragonfly; \
    chmod 1777 /tree/var/lib/meganeura /tree/var/log/dragonfly /tree/run/dragonfly; \
    mv /opt/meganeura /tree/opt/; \
    find /tree -exec touch -h -d "@${SOURCE_DATE_EPOCH}" {} +

FROM ${BASE}
ARG VERSION
ARG REVISION=unknown
LABEL org.opencontainers.image.title="meganeura" \
      org.opencontainers.image.description="Brings a model to every node of a cluster while the origin sends it once" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The folders of state and logs take whatever user the container runs as.
COPY --from=build /tree/ /
# State and logs are where the documents say, for users other than root too.
ENV PATH=/opt/meganeura/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/var/lib/meganeura \
    XDG_STATE_HOME=/var/lib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["python3", "-IS", "/opt/meganeura/bin/health.py"]
CMD ["dfdaemon", "--help"]
