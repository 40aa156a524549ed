{{- /* Names. The label `app` is the one that the guide's service selects by. */}}
{{- define "meganeura.name" -}}
{{ .Values.nameOverride | default "dragonfly" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "meganeura.fullname" -}}
{{ .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "meganeura.image" -}}
{{- with .Values.image }}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* What identifies the pods of a component: never changes. Takes a list of the root and the component. */}}
{{- define "meganeura.selector" -}}
app: {{ include "meganeura.name" (index . 0) }}
release: {{ (index . 0).Release.Name }}
component: {{ index . 1 }}
{{- end }}

{{- define "meganeura.labels" -}}
{{ include "meganeura.selector" . }}
app.kubernetes.io/name: {{ include "meganeura.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{- /* Labels and annotations of a pod: root, component, the component's values, its config. */}}
{{- define "meganeura.podmeta" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}{{ $values := index . 2 }}
labels:
  {{- include "meganeura.labels" (list $root $component) | nindent 2 }}
  {{- with merge (dict) $values.podLabels $root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ index . 3 | sha256sum }}
  {{- with merge (dict) $values.podAnnotations $root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* What the pod spec of every component has: root, component's values, component; and, for one that asks the API
server, the name of its account. */}}
{{- define "meganeura.podspec" -}}
{{- $root := index . 0 }}{{ $values := index . 1 }}{{ $component := index . 2 }}
{{- if gt (len .) 3 }}
serviceAccountName: {{ index . 3 }}
automountServiceAccountToken: true
{{- else }}
serviceAccountName: {{ include "meganeura.fullname" $root }}
automountServiceAccountToken: false
{{- end }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.affinity }}
affinity:
  {{- toYaml $values.affinity | nindent 2 }}
{{- else if ne $component "dfdaemon" }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "meganeura.selector" (list $root $component) | nindent 14 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "meganeura.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "meganeura.image-lines" -}}
image: {{ include "meganeura.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- /* The addresses of the schedulers: one Service per replica, whose address outlives the pod. */}}
{{- define "meganeura.schedulers" -}}
{{- $addresses := list }}
{{- if .Values.scheduler.enable }}
{{- $port := include "meganeura.scheduler.port" . }}
{{- range $index := until (int .Values.scheduler.replicas) }}
{{- $addresses = append $addresses (printf "%s-scheduler-%d.%s.svc.%s:%s" (include "meganeura.fullname" $) $index $.Release.Namespace $.Values.clusterDomain $port) }}
{{- end }}
{{- else }}
{{- $addresses = .Values.scheduler.external }}
{{- end }}
{{- toYaml $addresses }}
{{- end }}

{{- /* Where hosts reach the manager; nothing if there is none. What is in the files holds without it. */}}
{{- define "meganeura.manager.section" -}}
{{- if .Values.manager.enable -}}
tls: true
addrs:
  - {{ printf "%s-manager.%s.svc.%s:%s" (include "meganeura.fullname" .) .Release.Namespace .Values.clusterDomain (include "meganeura.manager.grpc" .) }}
{{- else -}}
addrs: []
{{- end }}
{{- end }}

{{- define "meganeura.scheduler.port" -}}
{{ dig "server" "port" 8002 .Values.scheduler.config }}
{{- end }}

{{- /* The file of a service: what is computed, overlaid by what the user says. Takes config and computed. */}}
{{- define "meganeura.config" -}}
{{ toYaml (mergeOverwrite (deepCopy (index . 1)) (index . 0)) }}
{{- end }}

{{- /* The admin port of a node or seed: pprofPort is its name in the guide. */}}
{{- define "meganeura.node.admin" -}}
{{ .config.pprofPort | default (dig "admin" "port" 4002 .config) }}
{{- end }}

{{- define "meganeura.security.secret" -}}
{{ .Values.security.existingSecret | default (printf "%s-hosts" (include "meganeura.fullname" .)) }}
{{- end }}

{{- define "meganeura.proxyca.secret" -}}
{{ .Values.security.existingProxyCASecret | default (printf "%s-proxy-ca" (include "meganeura.fullname" .)) }}
{{- end }}

{{- /* Probes of an admin server: scheme-less path and port; host for pods whose admin port is on loopback. */}}
{{- define "meganeura.probes" -}}
{{- $host := index . 1 }}
startupProbe:
  httpGet: {path: /healthy, port: {{ index . 0 }}{{ with $host }}, host: {{ . }}{{ end }}}
  periodSeconds: 1
  failureThreshold: 120
  timeoutSeconds: 2
readinessProbe:
  httpGet: {path: /readyz, port: {{ index . 0 }}{{ with $host }}, host: {{ . }}{{ end }}}
  periodSeconds: 5
  timeoutSeconds: 5
livenessProbe:
  httpGet: {path: /healthy, port: {{ index . 0 }}{{ with $host }}, host: {{ . }}{{ end }}}
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 6
{{- end }}

{{- /* A PodDisruptionBudget's version: 1.20 knows v1beta1 alone, 1.25 v1 alone. */}}
{{- define "meganeura.pdb" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}
apiVersion: {{ if $root.Capabilities.APIVersions.Has "policy/v1/PodDisruptionBudget" }}policy/v1{{ else }}policy/v1beta1{{ end }}
kind: PodDisruptionBudget
metadata:
  name: {{ include "meganeura.fullname" $root }}-{{ $component }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "meganeura.labels" (list $root $component) | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "meganeura.selector" (list $root $component) | nindent 6 }}
{{- end }}
