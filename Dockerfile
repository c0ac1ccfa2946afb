FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
# what is optional is a Node.js of npm's own: the image has one
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 UNIONHALL_CONFIG_DIR=/var/lib/unionhall/config UNIONHALL_DATA_DIR=/var/lib/unionhall/data
WORKDIR /app
COPY --from=build /app/package.json /app/package-lock.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/playground ./playground
COPY --from=build /app/scripts/run.js /app/scripts/build.js /app/scripts/environment.js ./scripts/
RUN ln -s /app/scripts/run.js /usr/local/bin/unionhall && install -d -o node -g node -m 0700 /var/lib/unionhall /var/lib/unionhall/config /var/lib/unionhall/data
USER node
VOLUME /var/lib/unionhall
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--disable-sigusr1", "dist/src/main.js", "start"]
