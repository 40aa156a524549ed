{{- /* The file of a node. */}}
{{- define "meganeura.dfdaemon.config" -}}
{{- $values := .Values.dfdaemon }}
{{- $storage := dict }}
{{- if $values.cache.disks }}
{{- $disks := list }}
{{- range $index, $disk := $values.cache.disks }}
{{- $disks = append $disks (dict "path" (printf "/var/lib/meganeura/disks/%d" $index)) }}
{{- end }}
{{- $_ := set $storage "disks" $disks }}
{{- else if $values.cache.size }}
{{- $_ := set $storage "sizeLimit" (include "meganeura.size" $values.cache.size) }}
{{- end }}
{{- $computed := dict
  "scheduler" (dict "addrs" (include "meganeura.schedulers" . | fromYamlArray))
  "manager" (include "meganeura.manager.section" . | fromYaml)
  "security" (dict "dir" "/etc/dragonfly/hosts")
  "log" (dict "console" true "dir" "/var/log/dragonfly/daemon")
  "metrics" (dict "enable" $values.metrics.enable)
  "download" (dict "socketPath" "/var/run/dragonfly/dfdaemon.sock")
  "proxy" (dict "intercept" (dict "caDir" "/etc/dragonfly/proxy-ca"))
}}
{{- if $storage }}{{ $_ := set $computed "storage" $storage }}{{ end }}
{{- if not $values.hostNetwork }}{{ $_ := set $computed "admin" (dict "ip" "0.0.0.0") }}{{ end }}
{{- include "meganeura.config" (list $values.config $computed) }}
{{- end }}

{{- /* A quantity of Kubernetes (100Gi) as the services write it (100GiB). */}}
{{- define "meganeura.size" -}}
{{ if regexMatch "^[0-9.]+[KMGT]i?$" . }}{{ . }}B{{ else }}{{ . }}{{ end }}
{{- end }}

{{- define "meganeura.dfdaemon.proxy-port" -}}
{{ dig "proxy" "tcpListen" "port" 65001 .Values.dfdaemon.config }}
{{- end }}

{{- /* With the pod on the host's network and metrics off, the admin port is on the node's loopback alone. */}}
{{- define "meganeura.dfdaemon.probe-host" -}}
{{ if and .Values.dfdaemon.hostNetwork (not .Values.dfdaemon.metrics.enable) }}127.0.0.1{{ end }}
{{- end }}
