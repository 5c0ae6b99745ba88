{{/* What objects are called. The longest suffix is "-admin", and a Service's name has 63 characters. */}}
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
What objects outside of the release's namespace are called: those of the cluster, and Roles elsewhere. Releases of one
name in several namespaces must not meet there; and no namespace has a ":", so that no two names run together.
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

{{/* What tells this release's Pods from all others. It must never change: selectors are immutable. */}}
{{- define "portico.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/instance: {{ quote .Release.Name }}
{{- end -}}

{{/*
The labels of an object. Takes a dict: `root`, the chart's context, and optionally `extra`, labels of this object alone.
The chart's own win over those that are given.
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

{{/* Whole numbers from a values file are floats, and print as 1.048576e+06. Texts such as 1MiB stay. */}}
{{- define "portico.number" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ int64 . }}{{ end -}}
{{- end -}}

{{/*
Seconds until a Pod is killed. 5 more than it may serve: the Lease is given back while it drains, but that may take 3 s
where the drain takes none; and a drain that takes all of its time leaves none for the process to end.
*/}}
{{- define "portico.gracePeriod" -}}
{{- $needed := add .Values.preStopSleepSeconds .Values.drainTimeoutSeconds -}}
{{- default (add $needed 5) .Values.terminationGracePeriodSeconds | int64 -}}
{{- end -}}

{{/* Prints "true" where there may be more than one replica of a Deployment. */}}
{{- define "portico.isReplicated" -}}
{{- $least := ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled -}}
{{- if and (eq .Values.kind "Deployment") (gt (int $least) 1) }}true{{ end -}}
{{- end -}}
