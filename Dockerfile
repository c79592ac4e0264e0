# One image with the controller, the data plane and the command line. Everything runs on the platform that builds; of the
# platform that is built for only files are copied, so that no emulator is needed:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=0.1.0 .

ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS system

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY . .
COPY --from=system / /image
# Nobody installs packages in a running container.
RUN rm -rf /image/usr/local/lib/node_modules /image/usr/local/include /image/usr/local/share/doc /image/opt/yarn-* \
    /image/usr/local/bin/npm /image/usr/local/bin/npx /image/usr/local/bin/corepack /image/usr/local/bin/yarn \
    /image/usr/local/bin/yarnpkg /image/usr/local/bin/docker-entrypoint.sh /image/app \
 && echo 'airl:x:65532:65532:ai-rate-limit:/nonexistent:/usr/sbin/nologin' >>/image/etc/passwd \
 && echo 'airl:x:65532:' >>/image/etc/group
RUN --mount=type=cache,target=/root/.npm scripts/runtime-tree.sh /image/app
RUN ln -s /app/dist/controller/main.js /image/usr/local/bin/controller \
 && ln -s /app/dist/dataplane/main.js /image/usr/local/bin/dataplane \
 && ln -s /app/dist/cli/main.js /image/usr/local/bin/ai-rate-limit

FROM scratch
ARG NODE_IMAGE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="ai-rate-limit" \
      org.opencontainers.image.description="Token rate limits for LLM traffic on Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="docker.io/library/${NODE_IMAGE}"
COPY --from=build /image /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_ENV=production
WORKDIR /app
USER 65532:65532
EXPOSE 8080 9090 9443
CMD ["ai-rate-limit", "--help"]
