FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY semblance semblance
COPY retrieval retrieval
COPY indexer indexer
COPY api api
COPY scripts scripts
COPY models models
RUN python -m venv /opt/semblance && /opt/semblance/bin/pip install --no-cache-dir '.[milvus,s3]'

FROM python:3.12-slim
# FAISS and ONNX Runtime use OpenMP.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/semblance /opt/semblance
# The library's folder belongs to the user that runs, also when a fresh volume is mounted over it.
RUN useradd --create-home --uid 10001 semblance && mkdir /library && chown semblance:semblance /library
USER semblance
ENV PATH=/opt/semblance/bin:$PATH PYTHONUNBUFFERED=1 SEMBLANCE_LIBRARY=/library SEMBLANCE_HOST=0.0.0.0 \
    SEMBLANCE_ACCESS_LOG=-
VOLUME /library
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
ENTRYPOINT ["semblance"]
CMD ["serve", "--wait"]
