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
{{- include "meganeura.config" (list .Values.seedPeer.config $computed) }}
{{- end }}
