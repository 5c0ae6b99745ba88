{{/* The base of object names. The longest suffix is "-admin", and a Service's name has at most 63 characters. */}}
{{- define "portico.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 57 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 57 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 57 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/*
The name of objects outside the release's namespace: cluster-scoped ones, and Roles in other namespaces. Releases with
the same name in different namespaces must not collide there; a namespace can't contain ":", so the names are unambiguous.
*/}}
{{- define "portico.globalName" -}}
{{- printf "portico:%s:%s" .Release.Namespace (include "portico.fullname" .) -}}
{{- end -}}

{{- define "portico.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "portico.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Identifies this release's Pods. It must never change, because selectors are immutable. */}}
{{- define "portico.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/instance: {{ quote .Release.Name }}
{{- end -}}

{{/*
The labels of an object. Takes a dict: `root`, the chart's context, and optionally `extra`, labels for this object only.
The chart's own labels take precedence.
*/}}
{{- define "portico.labels" -}}
{{- $own := fromYaml (include "portico.selectorLabels" .root) -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63) -}}
{{- $_ := set $own "app.kubernetes.io/version" (.root.Chart.AppVersion | replace "+" "_" | trunc 63) -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- toYaml (merge $own (deepCopy (default dict .extra)) (default dict .root.Values.commonLabels)) -}}
{{- end -}}

{{- define "portico.image" -}}
{{- with .Values.image -}}
{{- if .registry }}{{ .registry }}/{{ end }}{{ .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* Integers from a values file are floats, and print as 1.048576e+06. Strings such as 1MiB are left as they are. */}}
{{- define "portico.number" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ int64 . }}{{ end -}}
{{- end -}}

{{/*
Seconds until a Pod is killed. 5 more than it may serve: the Lease is released during the drain, but that can take 3 s
even if there is nothing to drain; and a drain that uses all of its time leaves none for the process to exit.
*/}}
{{- define "portico.gracePeriod" -}}
{{- $needed := add .Values.preStopSleepSeconds .Values.drainTimeoutSeconds -}}
{{- default (add $needed 5) .Values.terminationGracePeriodSeconds | int64 -}}
{{- end -}}

{{/* The port at which clients reach HTTPS, as far as the values say. */}}
{{- define "portico.publicHttpsPort" -}}
{{- $ofService := .Values.service.ports.https -}}
{{- if eq .Values.service.type "NodePort" }}{{ $ofService = default $ofService .Values.service.nodePorts.https }}{{ end -}}
{{- coalesce .Values.publish.httpsPort .Values.hostPorts.https $ofService | int64 -}}
{{- end -}}

{{/* Prints "true" if a Deployment can have more than one replica. */}}
{{- define "portico.isReplicated" -}}
{{- $least := ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled -}}
{{- if and (eq .Values.kind "Deployment") (gt (int $least) 1) }}true{{ end -}}
{{- end -}}
