{# A template of BentoML's: filled in by `bentoml build`, and again by `bentoml containerize`. docs/image.md #}
# BentoML's own image has a compiler, a copy of all that uv downloaded, and XGBoost for GPUs: 2.4 GB.
# Another base needs this Python with its venv, and apt-get: --opt build-arg=BASE_IMAGE=…
ARG BASE_IMAGE=docker.io/library/python:{{ __options__python_version }}-slim

FROM ${BASE_IMAGE} AS build
COPY env/python/requirements.txt src/requirements/image.txt /build/
# uv in an environment of its own, as Debian's Python refuses to be installed into. The service does not need it, nor
# the tests of NumPy and SciPy. Without .pyc files, which nobody can write later, a start takes four times as long.
RUN python3 -m venv /build/uv && \
    /build/uv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
      "$(grep -oE '^uv==[^ ]+' /build/requirements.txt)" && \
    /build/uv/bin/uv venv --python python3 /app/.venv && \
    /build/uv/bin/uv pip install --python /app/.venv/bin/python --no-cache \
      --requirements /build/requirements.txt --requirements /build/image.txt --overrides /build/image.txt && \
    /build/uv/bin/uv pip uninstall --python /app/.venv/bin/python uv && \
    find /app/.venv/lib -type d -name tests '(' -path '*/numpy/*' -o -path '*/scipy/*' ')' -prune -exec rm -r '{}' + && \
    /app/.venv/bin/python -m compileall -q -j 0 /app/.venv/lib
COPY . /app/bento
RUN /app/.venv/bin/python -m compileall -q /app/bento/src

FROM ${BASE_IMAGE}
# LightGBM's wheel has no OpenMP in it.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* && \
    groupadd --gid {{ bento__uid_gid }} {{ bento__user }} && \
    useradd --uid {{ bento__uid_gid }} --gid {{ bento__uid_gid }} --home-dir /tmp --shell /usr/sbin/nologin {{ bento__user }} && \
    install --directory --owner {{ bento__user }} --group {{ bento__user }} --mode 0700 /state
# Root's, so that whoever takes over the service cannot change it.
COPY --from=build /app/.venv /app/.venv
COPY --from=build /app/bento /app/bento
# BENTOML_CONTAINERIZED is left out on purpose: with it BentoML replaces no worker that died.
ENV PATH=/app/.venv/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BENTOML_HOME=/tmp/bentoml \
    BENTOML_DO_NOT_TRACK=True \
    TICKET_ASSETS_SERVICE__STATE=/state
WORKDIR /app
VOLUME /state
EXPOSE 3000 50051
# By number: Kubernetes' runAsNonRoot does not know names.
USER {{ bento__uid_gid }}:{{ bento__uid_gid }}
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('BENTOML_PORT', '3000') + '/readyz', timeout=4)"]
ENTRYPOINT ["bentoml", "serve", "/app/bento"]
