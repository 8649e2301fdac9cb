# A release of the reference platform as an image, for a real cluster. Its Python packages are
# the project's own, which the cluster's node mounts: see overlays/k3s.
ARG BASE=smartbeak-drill/host:latest
FROM ${BASE}
ARG RELEASE
ARG PROCESS
COPY platform /opt/smartbeak/platform
ENV PYTHONPATH=/opt/smartbeak/platform:/opt/pylib \
    PYTHONDONTWRITEBYTECODE=1 \
    SMARTBEAK_RELEASE=${RELEASE} \
    SMARTBEAK_PROCESS=${PROCESS}
CMD ["sh", "-c", "exec python3 -m smartbeak.$SMARTBEAK_PROCESS"]
