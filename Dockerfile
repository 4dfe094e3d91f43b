# syntax=docker/dockerfile:1
# The browser's files need Node to be built, and nothing of it to be served.
FROM node:22-slim AS assets
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-progress
COPY static static
RUN node static/build.mjs

FROM python:3.13-slim AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN groupadd --gid 10001 webmail \
 && useradd --uid 10001 --gid webmail --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin webmail \
 && install -d -o webmail -g webmail -m 0700 /data \
 && install -d -o webmail -g webmail -m 0755 /demo
WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes --requirement requirements.txt
COPY manage.py ./
COPY accounts accounts
COPY webmail webmail
COPY templates templates
COPY static static
COPY --from=assets /build/static/dist static/dist
ENV VAR_DIR=/data STORAGE_DIR=/data/storage STATIC_ROOT=/app/staticfiles
# Collecting needs settings, settings need secrets: these are of this one command and stay in no layer.
RUN SECRET_KEY=only-for-collectstatic CREDENTIAL_KEYS= python manage.py collectstatic --noinput --verbosity 0 --ignore build.mjs --ignore icons.txt \
 && python -m compileall -q /app

# docker-compose's `demo` profile: the same code with a private Dovecot beside it.
FROM base AS demo
COPY requirements-demo.txt ./
RUN apt-get update \
 && apt-get install --yes --no-install-recommends dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-submissiond \
 && rm -rf /var/lib/apt/lists/* \
 && pip install --require-hashes --requirement requirements-demo.txt
USER webmail
VOLUME ["/demo"]
CMD ["python", "manage.py", "demomail", "--listen", "0.0.0.0", "--host", "mailserver", "--directory", "/demo"]

FROM base AS product
# /tmp is memory there; a large message on its way in or an uploaded archive belongs on the disk.
ENV TMPDIR=/data
USER webmail
EXPOSE 8000
VOLUME ["/data"]
CMD ["gunicorn", "webmail.asgi:application", "--worker-class", "asgi", "--bind", "0.0.0.0:8000", "--asgi-lifespan", "off", "--no-control-socket", "--graceful-timeout", "10", "--access-logfile", "-"]
