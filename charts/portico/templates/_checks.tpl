{{/* What the schema can't express: values that are valid individually but not together. Prints nothing. */}}
{{- define "portico.checks" -}}
{{- with .Values -}}
{{- $isDaemonSet := eq .kind "DaemonSet" -}}

{{- /* Only Services have rules this strict, but all objects share the name. */ -}}
{{- $fullname := include "portico.fullname" $ -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $fullname) -}}
{{- fail (printf "%q is not a valid Service name, which starts with a letter and has no dots; set fullnameOverride, or choose another release name" $fullname) -}}
{{- end -}}

{{- if and $isDaemonSet .autoscaling.enabled -}}
{{- fail "autoscaling.enabled: a DaemonSet has a replica on every node and can't be scaled; use kind: Deployment" -}}
{{- end -}}
{{- if and .autoscaling.enabled (gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) -}}
{{- fail (printf "autoscaling.minReplicas (%d) is above autoscaling.maxReplicas (%d)" (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) -}}
{{- end -}}
{{- if and .autoscaling.enabled (not .autoscaling.targetCPU) (not .autoscaling.metrics) -}}
{{- fail "autoscaling: set targetCPU or metrics; otherwise there is nothing to scale by" -}}
{{- end -}}
{{- if and (or .hostPorts.http .hostPorts.https) (not $isDaemonSet) -}}
{{- fail "hostPorts: two replicas of a Deployment can't share one port of a node; use kind: DaemonSet" -}}
{{- end -}}

{{- if and .hostNetwork (or .hostPorts.http .hostPorts.https) -}}
{{- fail "hostPorts: with hostNetwork, listen.ports are ports of the node; leave hostPorts out" -}}
{{- end -}}
{{- range $list := list "initContainers" "extraContainers" -}}
{{- range get $.Values $list -}}
{{- if eq .name "portico" -}}
{{- fail (printf "%s: the name portico is reserved for Portico's own container; choose another" $list) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $volumes := list -}}
{{- range .extraVolumes -}}{{- $volumes = append $volumes .name -}}{{- end -}}
{{- range .extraVolumeMounts -}}
{{- if not (has .name $volumes) -}}
{{- fail (printf "extraVolumeMounts: there is no volume %q; add it to extraVolumes" .name) -}}
{{- end -}}
{{- end -}}

{{- with .updateStrategy -}}
{{- if and $isDaemonSet (eq (default "" .type) "Recreate") -}}
{{- fail "updateStrategy.type: a DaemonSet does not support Recreate; use RollingUpdate or OnDelete" -}}
{{- end -}}
{{- if and (not $isDaemonSet) (eq (default "" .type) "OnDelete") -}}
{{- fail "updateStrategy.type: a Deployment does not support OnDelete; use RollingUpdate or Recreate" -}}
{{- end -}}
{{- end -}}

{{- with .podDisruptionBudget -}}
{{- if and .enabled (kindIs "invalid" .maxUnavailable) (kindIs "invalid" .minAvailable) -}}
{{- fail "podDisruptionBudget: set maxUnavailable or minAvailable, or enabled: false" -}}
{{- end -}}
{{- end -}}

{{- range $pair := list (list "http" "https") (list "http" "admin") (list "https" "admin") -}}
{{- $ports := $.Values.listen.ports -}}
{{- if eq (int (get $ports (first $pair))) (int (get $ports (last $pair))) -}}
{{- fail (printf "listen.ports: %s are both %d" (join " and " $pair) (int (get $ports (first $pair)))) -}}
{{- end -}}
{{- end -}}
{{- if eq (int .service.ports.http) (int .service.ports.https) -}}
{{- fail (printf "service.ports: http and https are both %d" (int .service.ports.http)) -}}
{{- end -}}

{{- if and .secrets.namespaces (not .secrets.enabled) -}}
{{- fail "secrets: namespaces is set, but enabled is false; leave one of them out" -}}
{{- end -}}
{{- if .watchNamespaces -}}
{{- range .secrets.namespaces -}}
{{- if not (has . $.Values.watchNamespaces) -}}
{{- fail (printf "secrets.namespaces: %q is not watched; add it to watchNamespaces, or leave it out" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- $needed := add .preStopSleepSeconds .drainTimeoutSeconds -}}
{{- with .terminationGracePeriodSeconds -}}
{{- if lt (int64 .) $needed -}}
{{- fail (printf "terminationGracePeriodSeconds (%d) is less than preStopSleepSeconds and drainTimeoutSeconds together (%d): requests would be cut off" (int64 .) $needed) -}}
{{- end -}}
{{- end -}}

{{- with .service -}}
{{- if and (or .nodePorts.http .nodePorts.https) (eq .type "ClusterIP") -}}
{{- fail "service.nodePorts: a Service of type ClusterIP has no node ports; use service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and .externalTrafficPolicy (eq .type "ClusterIP") (not .externalIPs) -}}
{{- fail "service.externalTrafficPolicy: nothing outside the cluster can reach a Service of type ClusterIP without externalIPs" -}}
{{- end -}}
{{- if ne .type "LoadBalancer" -}}
{{- range $name := list "loadBalancerClass" "loadBalancerIP" "loadBalancerSourceRanges" -}}
{{- if get $.Values.service $name -}}
{{- fail (printf "service.%s: needs service.type LoadBalancer; it is %s" $name $.Values.service.type) -}}
{{- end -}}
{{- end -}}
{{- if kindIs "bool" .allocateLoadBalancerNodePorts -}}
{{- fail (printf "service.allocateLoadBalancerNodePorts: needs service.type LoadBalancer; it is %s" .type) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
