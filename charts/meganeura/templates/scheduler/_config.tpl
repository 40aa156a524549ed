{{- /* The scheduler's file. Its admin port answers the kubelet, so it is open within the pod's network. */}}
{{- define "meganeura.scheduler.config" -}}
{{- $computed := dict
  "console" true
  "server" (dict "logDir" "/var/log/dragonfly/scheduler")
  "manager" (include "meganeura.manager.section" . | fromYaml)
  "security" (dict "dir" "/etc/dragonfly/hosts")
  "admin" (dict "ip" "0.0.0.0")
  "metrics" (dict "enable" .Values.scheduler.metrics.enable)
}}
{{- include "meganeura.config" (list .Values.scheduler.config $computed) }}
{{- end }}

{{- define "meganeura.scheduler.admin" -}}
{{ dig "admin" "port" 8003 .Values.scheduler.config }}
{{- end }}
