# Pointillist for others: `docker build -t pointillist .`, then `docker run -p 8501:8501 pointillist`. See DEPLOY.md.

# 1: the app with everything it needs in one folder; torch is not among it. Installing builds the browser's bundle too,
# with a Node.js that pip brings along and that stays behind in this stage.
FROM python:3.12-slim AS build
WORKDIR /source
COPY . .
RUN python -m pip install --no-cache-dir --no-compile --constraint requirements.lock --target /app .

# 2: what runs.
FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent pointillist
COPY --from=build /app /app
WORKDIR /app/pointillist
USER 10001
ENV PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:8501/_stcore/health', timeout=4)"]
# Streamlit takes itself for its developers' own copy anywhere but in a folder named site-packages.
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.headless=true", "--server.fileWatcherType=none", "--global.developmentMode=false"]
