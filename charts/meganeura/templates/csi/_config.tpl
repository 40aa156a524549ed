{{- define "meganeura.csi.config" -}}
socket: /csi/csi.sock
kubeletSocket: {{ .Values.csi.kubeletDir }}/plugins/csi.meganeura.io/csi.sock
registryDir: /registration
stateDir: /var/lib/meganeura/csi
{{- if .Values.manager.enable }}
managerUrl: http://{{ include "meganeura.fullname" . }}-manager.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}:{{ dig "server" "rest" "port" 8080 .Values.manager.config }}
{{- end }}
{{- with .Values.csi.volumes }}
volumes:
  {{- range . }}
  {{ .name }}:
    urlFile: /etc/meganeura/volumes/{{ .name }}
    open: {{ .open | default false }}
  {{- end }}
{{- end }}
mountOptions:
  - --cache-dir=/var/lib/meganeura/mounts/csi
  {{- if and .Values.dfdaemon.enable .Values.dfdaemon.socketDir }}
  - --daemon-socket=/var/run/dragonfly/dfdaemon.sock
  {{- else }}
  - --no-daemon
  {{- end }}
  {{- with .Values.csi.mountOptions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
