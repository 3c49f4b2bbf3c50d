# docker build .                                                      runs on the CPU
# docker build --build-arg TORCH_INDEX=https://pypi.org/simple .      with CUDA
# PyPI's torch brings its CUDA along, the base image needs none: docker run --gpus all.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.txt /
# The index's own build, 2.13.0+cpu, ranks above PyPI's plain 2.13.0. Headers and static
# libraries are for compiling extensions; scikit-learn brings scipy, whose tests nobody runs.
RUN /venv/bin/pip install --extra-index-url "${TORCH_INDEX}" -r requirements.txt \
 && find /venv -type d \( -path '*/torch/include' -o -path '*/torch/test' \
      -o -path '*/scipy/*/tests' -o -path '*/sklearn/*/tests' -o -path '*/pandas/tests' \
      -o -path '*/matplotlib/tests' \) -prune -exec rm -rf {} + \
 && find /venv -name '*.a' -delete \
 && /venv/bin/pip uninstall --yes pip

FROM python:${PYTHON}-slim-bookworm
# Hugging Face runs its Spaces as user 1000. Nothing is written but scratch files in /tmp.
RUN useradd --uid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin strides
COPY --from=build /venv /venv
WORKDIR /app
COPY app.py ./
COPY .streamlit .streamlit
COPY core core
COPY viz viz
RUN python -m compileall -q core viz app.py
ENV PATH=/venv/bin:$PATH HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 \
    STRIDES_WORKERS=1
USER 1000
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=2s CMD ["python", "-c", \
  "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8501, timeout=4); c.request('GET', '/_stcore/health'); raise SystemExit(c.getresponse().status != 200)"]
# ws-max-size: bytes of one message from a visitor; the largest that Streamlit takes and a little.
CMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8501", \
     "--ws", "websockets-sansio", "--ws-max-size", "1100000", "--ws-per-message-deflate", "false", \
     "--ws-ping-interval", "30", "--ws-ping-timeout", "30", \
     "--timeout-graceful-shutdown", "10", "--no-access-log", "--no-server-header"]
