"""A service that registers itself with a stock client, renews every second, and deregisters when its input is closed.

registry_service.py eureka|consul PORT
"""

import asyncio
import http.server
import os
import sys
import threading


class Hello(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        text = b"hello from python"
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def registered():
    print("registered", flush=True)


def until_told():
    sys.stdin.read()


async def eureka(registry, port):
    from py_eureka_client.eureka_client import EurekaClient

    client = EurekaClient(
        eureka_server=f"http://127.0.0.1:{registry}/eureka/",
        app_name="orders",
        instance_host="127.0.0.1",
        instance_ip="127.0.0.1",
        instance_port=port,
        renewal_interval_in_secs=1,
        duration_in_secs=30,
        metadata={"version": "v2"},
    )
    await client.start()
    there = client.applications.get_application("ORDERS").up_instances
    # The client adds metadata of its own.
    told = [(one.ipAddr, one.port.port, one.metadata["version"]) for one in there]
    assert told == [("127.0.0.1", port, "v2")], told
    assert await client.do_service("orders", "/") == "hello from python"
    registered()
    await asyncio.to_thread(until_told)
    await client.stop()


def consul(registry, port):
    import consul

    client = consul.Consul(host="127.0.0.1", port=registry)
    agent = client.agent
    check = consul.Check.ttl("30s")
    assert agent.service.register("orders", service_id="orders-1", address="127.0.0.1", port=port, tags=["v2"], check=check)
    index, there = client.health.service("orders", passing=True)
    assert there == [], there
    assert agent.check.ttl_pass("service:orders-1")
    index, there = client.health.service("orders", passing=True, tag="v2", index=index, wait="30s")
    assert [one["Service"]["Port"] for one in there] == [port], there
    assert client.catalog.services()[1] == {"orders": ["v2"]}
    registered()
    told = threading.Thread(target=until_told)
    told.start()
    while told.is_alive():
        assert agent.check.ttl_pass("service:orders-1")
        told.join(1)
    assert agent.service.deregister("orders-1")


def main():
    dialect, registry = sys.argv[1], int(sys.argv[2])
    port = serve()
    if dialect == "eureka":
        asyncio.run(eureka(registry, port))
    else:
        consul(registry, port)
    # Threads of clients may go on for a while, and would register again.
    sys.stdout.flush()
    os._exit(0)


main()
