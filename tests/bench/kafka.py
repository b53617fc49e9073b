"""One real Kafka broker (KRaft) for the benchmarks: the jars of tests/kafka, free ports, a temporary directory."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Kafka:
    """Use it with `with`: the broker and its data are gone afterwards, whatever happened."""

    def __init__(self, partitions, proxy_port=None):
        self.partitions = partitions  # of a topic that is made by writing to it
        self.proxy_port = proxy_port  # of a proxy in front of `proxied_port`, told to those who come through it
        self.process = None

    def __enter__(self):
        jars = subprocess.run([ROOT / "tests/kafka/fetch.sh"], check=True, capture_output=True, text=True).stdout.strip()
        self.java = ["java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}/*"]
        self.directory = Path(tempfile.mkdtemp(prefix="tailrace-bench-kafka-"))
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        port, controller = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        self.proxied_port = free_port()
        self.proxied_bootstrap = f"127.0.0.1:{self.proxy_port or self.proxied_port}"
        properties = self.directory / "server.properties"
        properties.write_text(f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://{self.bootstrap},PROXIED://127.0.0.1:{self.proxied_port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{self.bootstrap},PROXIED://{self.proxied_bootstrap}
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={self.directory}/data
num.partitions={self.partitions}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
""", encoding="utf-8")
        log = open(self.directory / "broker.log", "wb")
        subprocess.run([*self.java, "kafka.tools.StorageTool", "format", "--cluster-id", "dGFpbHJhY2UtYmVuY2gtMA", "--config",
                        properties], check=True, stdout=log, stderr=log)
        self.process = subprocess.Popen([*self.java, "kafka.Kafka", properties], stdout=log, stderr=log,
                                        preexec_fn=os.setpgrp)
        log.close()
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the broker does not start:\n" + (self.directory / "broker.log").read_text()[-2000:])

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
