{{- /*
A database as one pod: a Secret, a Service and a StatefulSet. Takes a dict: root, name, port, folder (of the data),
env, args, secret (rendered data), mounts (further folders to write to), probe (a command).
*/}}
{{- define "meganeura.database" -}}
{{- $root := .root }}{{ $name := .name }}{{ $values := index $root.Values $name }}
{{- $full := printf "%s-%s" (include "meganeura.fullname" $root) $name -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ $full }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "meganeura.labels" (list $root $name) | nindent 4 }}
type: Opaque
data:
  {{- toYaml .secret | nindent 2 }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $full }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "meganeura.labels" (list $root $name) | nindent 4 }}
spec:
  selector:
    {{- include "meganeura.selector" (list $root $name) | nindent 4 }}
  ports:
    - {name: {{ $name }}, port: {{ .port }}, targetPort: {{ $name }}, protocol: TCP}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $full }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "meganeura.labels" (list $root $name) | nindent 4 }}
spec:
  serviceName: {{ $full }}
  replicas: 1
  selector:
    matchLabels:
      {{- include "meganeura.selector" (list $root $name) | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "meganeura.labels" (list $root $name) | nindent 8 }}
    spec:
      serviceAccountName: {{ include "meganeura.fullname" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 60
      {{- with $root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: {{ $values.uid }}
        runAsGroup: {{ $values.uid }}
        fsGroup: {{ $values.uid }}
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: {{ $name }}
          image: {{ $values.image }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          {{- with .args }}
          args:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with .env }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - {name: {{ $name }}, containerPort: {{ .port }}, protocol: TCP}
          startupProbe:
            exec: {command: {{ toJson .probe }}}
            periodSeconds: 2
            timeoutSeconds: 5
            failureThreshold: 120
          readinessProbe:
            exec: {command: {{ toJson .probe }}}
            periodSeconds: 10
            timeoutSeconds: 5
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "meganeura.container-security" $root | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: {{ .folder }}}
            - {name: secret, mountPath: /run/secrets/meganeura, readOnly: true}
            {{- range $index, $path := .mounts }}
            - {name: scratch-{{ $index }}, mountPath: {{ $path }}}
            {{- end }}
      volumes:
        - name: secret
          secret: {secretName: {{ $full }}, defaultMode: 0440}
        {{- range $index, $path := .mounts }}
        - name: scratch-{{ $index }}
          emptyDir: {}
        {{- end }}
        {{- if ne $values.storage.type "pvc" }}
        - name: data
          emptyDir: {}
        {{- end }}
  {{- if eq $values.storage.type "pvc" }}
  volumeClaimTemplates:
    - {{- include "meganeura.claim" (list $root $name "data" $values.storage) | nindent 6 }}
  {{- end }}
{{- end }}
