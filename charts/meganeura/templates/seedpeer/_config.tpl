{{- /* The file of a seed. */}}
{{- define "meganeura.seedpeer.config" -}}
{{- $computed := dict
  "scheduler" (dict "addrs" (include "meganeura.schedulers" . | fromYamlArray))
  "manager" (include "meganeura.manager.section" . | fromYaml)
  "security" (dict "dir" "/etc/dragonfly/hosts")
  "log" (dict "console" true "dir" "/var/log/dragonfly/seedpeer")
  "admin" (dict "ip" "0.0.0.0")
  "metrics" (dict "enable" .Values.seedPeer.metrics.enable)
}}
{{- /* Seeds ask the origins in the nodes' place, and go by their own word on what need not be verified. */}}
{{- $mirror := dig "proxy" "registryMirror" dict .Values.dfdaemon.config }}
{{- if $mirror.insecure }}
{{- $_ := set $computed "proxy" (dict "registryMirror" (pick $mirror "insecure" "dynamic" "url")) }}
{{- end }}
{{- include "meganeura.config" (list .Values.seedPeer.config $computed) }}
{{- end }}
