{{- /* The manager's file. Its secrets are in files that it reads. */}}
{{- define "meganeura.manager.config" -}}
{{- $values := .Values.manager }}
{{- $computed := dict
  "console" true
  "stateDir" "/var/lib/meganeura/manager"
  "server" (dict "logDir" "/var/log/dragonfly/manager" "stream" (dict "port" 65004))
  "auth" (dict "rootPasswordFile" "/etc/dragonfly/root/password")
  "security" (dict "dir" "/etc/dragonfly/hosts")
  "admin" (dict "ip" "0.0.0.0")
  "jobs" (dict "keyFile" "/etc/dragonfly/jobs/key")
  "metrics" (dict "enable" $values.metrics.enable)
}}
{{- /* What hf:// means to jobs is what it means to the nodes. */}}
{{- with dig "hub" "endpoint" "" .Values.dfdaemon.config }}
{{- $_ := set $computed.jobs "hub" . }}
{{- end }}
{{- if ne $values.database.type "embedded" }}
{{- $_ := set $computed "database" (dict "urlFile" "/etc/dragonfly/database/url" "wait" "60s") }}
{{- end }}
{{- include "meganeura.config" (list $values.config $computed) }}
{{- end }}

{{- define "meganeura.manager.admin" -}}
{{ dig "admin" "port" 8001 .Values.manager.config }}
{{- end }}
{{- define "meganeura.manager.rest" -}}
{{ dig "server" "rest" "port" 8080 .Values.manager.config }}
{{- end }}
{{- define "meganeura.manager.grpc" -}}
{{ dig "server" "grpc" "port" 65003 .Values.manager.config }}
{{- end }}
{{- define "meganeura.manager.stream" -}}
{{ dig "server" "stream" "port" 65004 .Values.manager.config }}
{{- end }}

{{- /* The Secret with the database's url. */}}
{{- define "meganeura.manager.database-secret" -}}
{{- $database := .Values.manager.database }}
{{- if eq $database.type "external" }}
{{- required "manager.database.existingSecret: must name a Secret with the key url for type external" $database.existingSecret }}
{{- else }}
{{- if not (index .Values $database.type).enable }}
{{- fail (printf "%s.enable: must be true for manager.database.type %s" $database.type $database.type) }}
{{- end }}
{{- include "meganeura.fullname" . }}-{{ $database.type }}
{{- end }}
{{- end }}

{{- define "meganeura.manager.jobs-secret" -}}
{{ .Values.manager.existingJobsSecret | default (printf "%s-manager-jobs" (include "meganeura.fullname" .)) }}
{{- end }}

{{- define "meganeura.manager.root-secret" -}}
{{ .Values.manager.existingRootSecret | default (printf "%s-manager-root" (include "meganeura.fullname" .)) }}
{{- end }}
