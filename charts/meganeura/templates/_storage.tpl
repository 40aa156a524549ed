{{- /* A claim template of a StatefulSet: root, component, name, the values of the storage. */}}
{{- define "meganeura.claim" -}}
{{- $root := index . 0 }}{{ $storage := index . 3 }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ index . 2 }}
  labels:
    {{- include "meganeura.selector" (list $root (index . 1)) | nindent 4 }}
  {{- with $storage.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  accessModes:
    {{- toYaml ($storage.accessModes | default (list "ReadWriteOnce")) | nindent 4 }}
  {{- with $storage.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ $storage.size }}
{{- end }}

{{- /* A random word in base64: the one of the Secret that is there already, else a new one. Root, Secret, key, length. */}}
{{- define "meganeura.kept" -}}
{{- $root := index . 0 }}
{{- $old := lookup "v1" "Secret" $root.Release.Namespace (index . 1) }}
{{- if $old }}
{{- index $old.data (index . 2) }}
{{- else }}
{{- randAlphaNum (int (index . 3)) | b64enc }}
{{- end }}
{{- end }}
