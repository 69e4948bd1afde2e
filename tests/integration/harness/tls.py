"""Certificates made for one run of the tests, by the openssl command."""

import ssl
import subprocess


class Authority:
    """A CA of its own and a certificate for 127.0.0.1 signed by it."""

    def __init__(self, folder, name="ca", host="IP:127.0.0.1"):
        self.folder = folder
        self.ca_file = folder / f"{name}.pem"
        self.cert = folder / f"{name}-server.pem"
        self.key = folder / f"{name}-server.key"
        ca_key = folder / f"{name}.key"
        req = folder / f"{name}-server.csr"
        ext = folder / f"{name}-server.ext"
        ext.write_text(f"subjectAltName={host}\n"
                       "basicConstraints=CA:FALSE\n"
                       "extendedKeyUsage=serverAuth\n")
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
              "-nodes"]
        self._openssl("req", "-x509", *ec, "-keyout", ca_key, "-out",
                      self.ca_file, "-days", "2", "-subj", f"/CN=test {name}",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self._openssl("req", *ec, "-keyout", self.key, "-out", req,
                      "-subj", "/CN=test server")
        self._openssl("x509", "-req", "-in", req, "-CA", self.ca_file,
                      "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
                      "-extfile", ext, "-out", self.cert)
        self.ca_file.chmod(0o644)

    def _openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True,
                       capture_output=True, cwd=self.folder, timeout=30)

    def server_context(self):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.cert, self.key)
        return c

    def client_context(self):
        return ssl.create_default_context(cafile=str(self.ca_file))
