{{- /* What a node keeps: its cache, its logs, its socket. */}}
{{- define "meganeura.dfdaemon.mounts" -}}
- {name: cache, mountPath: /var/lib/meganeura}
{{- range $index, $disk := .Values.dfdaemon.cache.disks }}
- {name: disk-{{ $index }}, mountPath: /var/lib/meganeura/disks/{{ $index }}}
{{- end }}
- {name: logs, mountPath: /var/log/dragonfly}
- {name: socket, mountPath: /var/run/dragonfly}
{{- end }}

{{- define "meganeura.dfdaemon.volumes" -}}
{{- with .Values.dfdaemon.cache }}
- name: cache
  {{- if eq .type "hostPath" }}
  hostPath: {path: {{ .path | quote }}, type: DirectoryOrCreate}
  {{- else if eq .type "pvc" }}
  persistentVolumeClaim: {claimName: {{ required "dfdaemon.cache.claim: must name a claim for type pvc" .claim }}}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- range $index, $disk := .disks }}
- name: disk-{{ $index }}
  hostPath: {path: {{ $disk | quote }}, type: DirectoryOrCreate}
{{- end }}
{{- end }}
- name: logs
  {{- if eq .Values.dfdaemon.logs.type "hostPath" }}
  hostPath: {path: {{ .Values.dfdaemon.logs.path | quote }}, type: DirectoryOrCreate}
  {{- else }}
  emptyDir: {}
  {{- end }}
- name: socket
  {{- if .Values.dfdaemon.socketDir }}
  hostPath: {path: {{ .Values.dfdaemon.socketDir | quote }}, type: DirectoryOrCreate}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
