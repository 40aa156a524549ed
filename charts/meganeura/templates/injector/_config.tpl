{{- define "meganeura.injector.config" -}}
tlsDir: /etc/meganeura-tls
mode: {{ .Values.injector.mode }}
daemon:
  port: {{ dig "proxy" "tcpListen" "port" 65001 .Values.dfdaemon.config }}
  socket: {{ .Values.dfdaemon.socketDir | default "/var/run/dragonfly" }}/dfdaemon.sock
{{- with .Values.injector.authorityConfigMap }}
authority:
  configMap: {{ . }}
{{- end }}
{{- if .Values.injector.tools }}
tools:
  image: {{ include "meganeura.image" . }}
  pullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}
protectedNamespaces: [kube-system, kube-public, kube-node-lease, {{ .Release.Namespace }}]
{{- end }}
