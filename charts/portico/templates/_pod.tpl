{{/* The Pod template of the Deployment or DaemonSet. */}}
{{- define "portico.pod" -}}
metadata:
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  labels:
    {{- $own := fromYaml (include "portico.selectorLabels" .) }}
    {{- toYaml (merge $own (deepCopy (default dict .Values.podLabels)) (default dict .Values.commonLabels)) | nindent 4 }}
spec:
  serviceAccountName: {{ include "portico.serviceAccountName" . | quote }}
  # Portico reads none of the environment variables that Kubernetes sets for Services.
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ quote . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ include "portico.gracePeriod" . }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 2 }}
  {{- end }}
  containers:
  - name: portico
    image: {{ include "portico.image" . | quote }}
    {{- with .Values.image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    args:
    {{- include "portico.args" . | nindent 4 }}
    env:
    # Under this name, a replica tells the leader what it serves.
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: POD_UID
      valueFrom:
        fieldRef:
          fieldPath: metadata.uid
    {{- with .Values.log.filter }}
    - name: RUST_LOG
      value: {{ quote . }}
    {{- end }}
    {{- with .Values.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    ports:
    - name: http
      containerPort: {{ int .Values.listen.ports.http }}
      {{- with .Values.hostPorts.http }}
      hostPort: {{ int . }}
      {{- end }}
    - name: https
      containerPort: {{ int .Values.listen.ports.https }}
      {{- with .Values.hostPorts.https }}
      hostPort: {{ int . }}
      {{- end }}
    - name: admin
      containerPort: {{ int .Values.listen.ports.admin }}
    # No startup probe: /livez is 200 from startup. A Pod that waits for the API server is alive,
    # and restarting it would not bring the API server back.
    livenessProbe:
      httpGet:
        path: /livez
        port: admin
      {{- with .Values.livenessProbe }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    readinessProbe:
      httpGet:
        path: /readyz
        port: admin
      {{- with .Values.readinessProbe }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- $lifecycle := deepCopy (default dict .Values.lifecycle) }}
    {{- if and .Values.preStopSleepSeconds (not $lifecycle.preStop) }}
    # Listeners close at SIGTERM. Load balancers have this long to take the Pod out of rotation.
    {{- $_ := set $lifecycle "preStop" (dict "sleep" (dict "seconds" (int64 .Values.preStopSleepSeconds))) }}
    {{- end }}
    {{- with $lifecycle }}
    lifecycle:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.extraVolumeMounts }}
    volumeMounts:
      {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with .Values.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.securityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  volumes:
    {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq .Values.kind "Deployment" }}
  {{- with .Values.topologySpreadConstraints }}
  {{- $selector := dict "matchLabels" (fromYaml (include "portico.selectorLabels" $)) }}
  {{- $constraints := list }}
  {{- range . }}
  {{- /* Not a plain `merge`, which would mix the two selectors if the constraint has one. */}}
  {{- $own := ternary dict (dict "labelSelector" $selector) (hasKey . "labelSelector") }}
  {{- $constraints = append $constraints (merge (deepCopy .) $own) }}
  {{- end }}
  topologySpreadConstraints:
    {{- toYaml $constraints | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with default (ternary "ClusterFirstWithHostNet" "" .Values.hostNetwork) .Values.dnsPolicy }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with .Values.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The container's arguments, as a YAML list. */}}
{{- define "portico.args" -}}
{{- $host := .Values.listen.address -}}
{{- if contains ":" $host }}{{ $host = printf "[%s]" $host }}{{ end -}}
{{- with .Values -}}
- operator
- --class={{ .className }}
{{- range .watchNamespaces }}
- --watch-namespace={{ . }}
{{- end }}
{{- range .secrets.namespaces }}
- --secret-namespace={{ . }}
{{- end }}
{{- if not .secrets.enabled }}
- --no-secrets
{{- end }}
{{- if not .configMaps.enabled }}
- --no-config-maps
{{- end }}
- --lease-namespace={{ $.Release.Namespace }}
{{- if .publish.addresses }}
{{- range .publish.addresses }}
- {{ printf "--publish-address=%s" . | quote }}
{{- end }}
{{- else if .publish.service }}
- --publish-service={{ $.Release.Namespace }}/{{ include "portico.fullname" $ }}
{{- end }}
- {{ printf "--http=%s:%d" $host (int .listen.ports.http) | quote }}
- {{ printf "--https=%s:%d" $host (int .listen.ports.https) | quote }}
{{- $httpsPort := int (include "portico.publicHttpsPort" $) }}
{{- if ne $httpsPort 443 }}
- --public-https-port={{ $httpsPort }}
{{- end }}
- {{ printf "--admin=%s:%d" $host (int .listen.ports.admin) | quote }}
{{- with .workers }}
- --workers={{ int64 . }}
{{- end }}
- --log-format={{ .log.format }}
{{- /* YAML 1.1 reads an unquoted off as false. */}}
{{- if eq (toString .log.access) "false" }}
- --access-log=off
{{- else if .log.access }}
- --access-log={{ .log.access }}
{{- end }}
{{- with .otlp.endpoint }}
- {{ printf "--otlp-endpoint=%s" . | quote }}
{{- end }}
{{- /* Not `with`: 0 is a share. */}}
{{- if not (kindIs "invalid" .otlp.traceSampleRatio) }}
- --trace-sample-ratio={{ .otlp.traceSampleRatio }}
{{- end }}
- --trace-parent={{ .otlp.traceParent }}
{{- with .limits.maxHeadBytes }}
- --max-head-bytes={{ include "portico.number" . }}
{{- end }}
{{- with .limits.maxUriBytes }}
- --max-uri-bytes={{ include "portico.number" . }}
{{- end }}
{{- with .limits.maxBodyBytes }}
- --max-body-bytes={{ include "portico.number" . }}
{{- end }}
{{- with .limits.maxResponseFields }}
- --max-response-fields={{ int64 . }}
{{- end }}
{{- with .limits.maxConnections }}
- --max-connections={{ int64 . }}
{{- end }}
{{- with .limits.maxConnectionsPerClient }}
- --max-connections-per-client={{ int64 . }}
{{- end }}
{{- with .limits.maxMemory }}
- --max-memory={{ include "portico.number" . }}
{{- end }}
{{- with .limits.headerTimeout }}
- --header-timeout={{ . }}
{{- end }}
{{- with .limits.handshakeTimeout }}
- --handshake-timeout={{ . }}
{{- end }}
{{- with .limits.idleTimeout }}
- --idle-timeout={{ . }}
{{- end }}
- --drain-timeout={{ int64 .drainTimeoutSeconds }}s
- {{ printf "--via-name=%s" (default (printf "%s-%s" $.Release.Namespace $.Release.Name) .viaName) | quote }}
- --underscores={{ .underscores }}
{{- range .trustedProxies }}
- {{ printf "--trusted-proxy=%s" . | quote }}
{{- end }}
{{- range .allowExternal }}
- {{ printf "--allow-external=%s" . | quote }}
{{- end }}
{{- range $namespace, $hosts := .hostClaims }}
- {{ printf "--host-claims=%s=%s" $namespace (join "," $hosts) | quote }}
{{- end }}
{{- range .extraArgs }}
- {{ quote . }}
{{- end }}
{{- end -}}
{{- end -}}
