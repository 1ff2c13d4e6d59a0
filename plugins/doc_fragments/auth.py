# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Own words, not kubernetes.core's fragment: Galaxy renders documentation without dependencies.
    DOCUMENTATION = r"""
options:
  host:
    description:
      - URL of the cluster's API, for example V(https://api.cluster.example.com:6443).
      - When left out, E(K8S_AUTH_HOST) is used, then the kubeconfig.
    type: str
  api_key:
    description:
      - Bearer token for the API.
      - When left out, E(K8S_AUTH_API_KEY) is used, then the kubeconfig.
    type: str
  kubeconfig:
    description:
      - Path of a kubeconfig file, or its content as a dictionary.
      - When left out, E(K8S_AUTH_KUBECONFIG) is used, then C(~/.kube/config).
    type: raw
  context:
    description:
      - Context of the kubeconfig to use.
      - When left out, E(K8S_AUTH_CONTEXT) is used, then the current context.
    type: str
  username:
    description:
      - User name for basic authentication.
      - When left out, E(K8S_AUTH_USERNAME) is used.
    type: str
  password:
    description:
      - Password for basic authentication.
      - When left out, E(K8S_AUTH_PASSWORD) is used.
    type: str
  client_cert:
    description:
      - Path of the client certificate.
      - When left out, E(K8S_AUTH_CERT_FILE) is used, then the kubeconfig.
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - Path of the client certificate's key.
      - When left out, E(K8S_AUTH_KEY_FILE) is used, then the kubeconfig.
    type: path
    aliases: [key_file]
  ca_cert:
    description:
      - Path of the CA certificate that the API's certificate is verified with.
      - When left out, E(K8S_AUTH_SSL_CA_CERT) is used, then the kubeconfig.
    type: path
    aliases: [ssl_ca_cert]
  validate_certs:
    description:
      - Whether the API's certificate is verified.
      - V(false) is refused, whether it comes from here, from E(K8S_AUTH_VERIFY_SSL) or from the kubeconfig.
    type: bool
    aliases: [verify_ssl]
  proxy:
    description:
      - URL of an HTTP proxy to reach the API through.
      - When left out, E(K8S_AUTH_PROXY) is used.
    type: str
  no_proxy:
    description:
      - Comma-separated hosts that are reached without the proxy.
      - When left out, E(K8S_AUTH_NO_PROXY) is used.
    type: str
  impersonate_user:
    description:
      - User to act as.
      - When left out, E(K8S_AUTH_IMPERSONATE_USER) is used.
    type: str
  impersonate_groups:
    description:
      - Groups to act as.
      - When left out, E(K8S_AUTH_IMPERSONATE_GROUPS) is used.
    type: list
    elements: str
requirements:
  - kubernetes >= 28.1.0
  - openshift >= 0.13.2
  - PyYAML >= 3.11
"""
